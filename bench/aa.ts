import { parseArgs } from "node:util";
import { welchTest } from "../src/stats/index.ts";
import { ModelBench } from "./model-measurements.ts";
import { report } from "./report.ts";

/**
 * How often two runs of the same benchmark on the same machine are called different, by Welch's test of the logarithms of their
 * launches' medians. The two runs of a pair follow each other, as those of a comparison would.
 */
const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "200" },
    model: { type: "string", default: "tiny-bert" },
    launches: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const SIGNIFICANCE = 0.01;
/** Less is of no importance to anybody, however sure it is. */
const LEAST_EFFECT = 0.02;
const launches = Number(values.launches);
const pairs = Number(values.pairs);
const measurement = { model: values.model, batchSize: 1, sequenceLength: 128, iterations: 60, warmup: 20 };

await using bench = await ModelBench.open();
const logMedians = async (): Promise<number[]> => (await bench.throughAssay(measurement, launches)).map(Math.log);
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
let significant = 0;
let different = 0;
for (let pair = 0; pair < pairs; pair += 1) {
  const [a, b] = [await logMedians(), await logMedians()];
  const test = welchTest(a, b);
  if (test === null || test.p >= SIGNIFICANCE) continue;
  significant += 1;
  if (Math.abs(mean(a) - mean(b)) >= Math.log1p(LEAST_EFFECT)) different += 1;
  console.log(`pair ${pair + 1}: ${a.map(Math.exp).join(" ")} | ${b.map(Math.exp).join(" ")}, p ${test.p}`);
}
report("aa", {
  pairs,
  launches,
  false_difference_rate: different / pairs,
  significant_rate: significant / pairs,
});
