import { parseArgs } from "node:util";
import { meanInterval, quantile } from "../src/stats/index.ts";
import { ModelBench } from "./model-measurements.ts";
import { report } from "./report.ts";
import { warmStartMs } from "./warm-start.ts";

/**
 * How much measuring a model through Assay changes its latency: the median through a coordinator and a worker against that of a bare
 * loop, in pairs whose order alternates; and how long a model takes to start in a process that waited for it.
 */
const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "30" },
    model: { type: "string", default: "tiny-bert" },
    json: { type: "boolean", default: false },
  },
});
const PERCENT = 100;
const measurement = { model: values.model, batchSize: 1, sequenceLength: 128, iterations: 300, warmup: 30 };

await using bench = await ModelBench.open();
const logRatios: number[] = [];
for (let pair = 0; pair < Number(values.pairs); pair += 1) {
  const times = { assay: NaN, bare: NaN };
  for (const side of pair % 2 === 0 ? (["assay", "bare"] as const) : (["bare", "assay"] as const)) {
    times[side] =
      side === "bare" ? await bench.bare(measurement) : ((await bench.throughAssay(measurement, 1))[0] ?? NaN);
  }
  logRatios.push(Math.log(times.assay / times.bare));
  console.log(`pair ${pair + 1}: through Assay ${times.assay.toFixed(3)} ms, bare ${times.bare.toFixed(3)} ms`);
}
const percent = (logRatio: number): number => Math.round((Math.exp(logRatio) - 1) * PERCENT * PERCENT) / PERCENT;
const interval = meanInterval(logRatios);
report("distortion", {
  pairs: logRatios.length,
  distortion_percent: percent(quantile(logRatios, 0.5)),
  distortion_mean_low_percent: percent(interval?.low ?? NaN),
  distortion_mean_high_percent: percent(interval?.high ?? NaN),
  warm_start_ms: Math.round((await warmStartMs(values.model, bench.cacheDir)) * PERCENT) / PERCENT,
});
