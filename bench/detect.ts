import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRng } from "../src/base/index.ts";
import type { Rng } from "../src/base/index.ts";
import { confirmsStep, mean, newestStep, quantile } from "../src/stats/index.ts";
import { report } from "./report.ts";
import { bencher, conbench, otava } from "./detect-peers.ts";
import type { Detector } from "./detect-peers.ts";

/**
 * Steps of two deviations in noise of shapes that real workloads have: how many are found within five commits, by Assay and by what its
 * peers do, each set to the same rate of false alarms on the same series without steps. One value a commit.
 */
const { values } = parseArgs({
  options: { series: { type: "string", default: "10000" }, json: { type: "boolean", default: false } },
});
const SERIES = Number(values.series);
const HISTORY = 100;
/** Commits of a series that are judged for false alarms. */
const WATCHED = 20;
const WITHIN = 5;
const STEP = 2;
const GOAL_PER_1000 = 1;
const EXTRA = 10;
const SUSPICIONS = 0.05;

type Shape = readonly number[];

/** Recorded values as deviations from their own slow drift, with deviation 1: the shape of the noise, order kept. */
function shapeOf(recorded: readonly number[]): Shape {
  const REACH = 25;
  const flat = recorded.map((value, index) => {
    return value - quantile(recorded.slice(Math.max(0, index - REACH), index + REACH + 1), 0.5);
  });
  const middle = mean(flat);
  const deviation = Math.sqrt(mean(flat.map((value) => (value - middle) ** 2)));
  return flat.map((value) => (value - middle) / deviation);
}

/** Runs of the recorded noise, one after another, so that neighbours stay neighbours. */
function draw(shape: Shape, count: number, rng: Rng): number[] {
  const RUN = 8;
  const series: number[] = [];
  while (series.length < count) {
    const from = rng.below(shape.length - RUN);
    series.push(...shape.slice(from, from + RUN));
  }
  return series.slice(0, count).map((noise) => 100 + noise);
}

interface Worlds {
  steady: number[][];
  stepped: number[][];
}

function worlds(shapes: readonly Shape[], count: number, seed: number): Worlds {
  const rng = seededRng(seed);
  const shapeAt = (index: number): Shape => shapes[index % shapes.length] as Shape;
  return {
    steady: Array.from({ length: count }, (_, index) => draw(shapeAt(index), HISTORY + WATCHED, rng)),
    stepped: Array.from({ length: count / 2 }, (_, index) => {
      const sign = index % 8 < 4 ? STEP : -STEP;
      return draw(shapeAt(index), HISTORY + WITHIN, rng).map((value, at) => (at < HISTORY ? value : value + sign));
    }),
  };
}

/** An alarm lasts as long as it is the same one. */
function falseAlarms(detector: Detector, bound: number, series: readonly number[][]): number {
  let alarms = 0;
  for (const values of series) {
    let last = -Infinity;
    for (let count = HISTORY + 1; count <= HISTORY + WATCHED; count += 1) {
      if (count - last <= WITHIN || !detector(values.slice(0, count), bound)) continue;
      alarms += 1;
      last = count;
    }
  }
  return (1_000 * alarms) / (series.length * WATCHED);
}

function recall(series: readonly number[][], finds: (values: readonly number[]) => boolean): number {
  const found = series.filter((values) =>
    Array.from({ length: WITHIN }, (_, after) => values.slice(0, HISTORY + 1 + after)).some(finds),
  );
  return found.length / series.length;
}

/** The bound with the goal's rate of false alarms, between two that are too bold and too shy. */
function calibrated(detector: Detector, [bold, shy]: readonly [number, number], series: readonly number[][]): number {
  let low = Math.log(bold);
  let high = Math.log(shy);
  for (let step = 0; step < 12; step += 1) {
    const middle = (low + high) / 2;
    if (falseAlarms(detector, Math.exp(middle), series) > GOAL_PER_1000) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}

const recorded = JSON.parse(await readFile(join(import.meta.dirname, "noise", "recorded.json"), "utf8")) as Record<
  string,
  number[]
>;
const shapes = Object.values(recorded).map(shapeOf);
const training = worlds(shapes, Math.min(SERIES, 1_000), 1);
const { steady, stepped } = worlds(shapes, SERIES, 2);

const assay: Detector = (series) => newestStep(series) !== null;
const peers: Record<string, { detector: Detector; bounds: readonly [number, number] }> = {
  conbench: { detector: conbench, bounds: [1, 60] },
  bencher: { detector: bencher, bounds: [1, 60] },
  otava: { detector: otava, bounds: [2, 60] },
};

const figures: Record<string, number> = {};
const round = (value: number): number => Math.round(value * 1_000) / 1_000;
figures["false_alarms_per_1000"] = round(falseAlarms(assay, 0, steady));
figures["recall_2sd"] = round(recall(stepped, (values) => assay(values, 0)));

/** A suspicion costs some runs of the newest commit on the same machine; an alarm is what they confirm. */
const rng = seededRng(3);
let extraRuns = 0;
function confirmed(values: readonly number[], shape: Shape, level: number): boolean {
  const step = newestStep(values, { falseAlarms: SUSPICIONS });
  if (step === null) return false;
  extraRuns += EXTRA;
  const extra = draw(shape, EXTRA, rng).map((value) => value + level);
  return confirmsStep(values.slice(0, step.index), extra, step);
}
const shapeOfSeries = new Map<readonly number[], Shape>();
for (const all of [steady, stepped])
  for (const [index, series] of all.entries()) shapeOfSeries.set(series, shapes[index % shapes.length] as Shape);
let falselyConfirmed = 0;
let judged = 0;
for (const series of steady) {
  let last = -Infinity;
  for (let count = HISTORY + 1; count <= HISTORY + WATCHED; count += 1) {
    judged += 1;
    if (count - last <= WITHIN || !confirmed(series.slice(0, count), shapeOfSeries.get(series) as Shape, 0)) continue;
    falselyConfirmed += 1;
    last = count;
  }
}
figures["extra_runs_per_1000"] = round((1_000 * extraRuns) / judged);
figures["false_alarms_confirmed_per_1000"] = round((1_000 * falselyConfirmed) / judged);
figures["recall_2sd_confirmed"] = round(
  stepped.filter((series, index) => {
    const level = index % 8 < 4 ? STEP : -STEP;
    return Array.from({ length: WITHIN }, (_, after) => series.slice(0, HISTORY + 1 + after)).some((values) =>
      confirmed(values, shapeOfSeries.get(series) as Shape, level),
    );
  }).length / stepped.length,
);
for (const [name, { detector, bounds }] of Object.entries(peers)) {
  const bound = calibrated(detector, bounds, training.steady);
  figures[`${name}_bound`] = round(bound);
  figures[`${name}_false_alarms_per_1000`] = round(falseAlarms(detector, bound, steady.slice(0, 2_000)));
  figures[`${name}_recall_2sd`] = round(recall(stepped.slice(0, 2_000), (values) => detector(values, bound)));
}
figures["best_peer_recall_2sd"] = Math.max(...Object.keys(peers).map((name) => figures[`${name}_recall_2sd`] ?? 0));
report("detect", figures);
