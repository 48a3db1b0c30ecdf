import { bestSplit, mean, standardDeviation } from "../src/stats/index.ts";

/** Says whether the newest value of a series shows that its level has changed within the last few; `bound` is what its peers call a threshold. */
export type Detector = (series: readonly number[], bound: number) => boolean;

/** What other tools do with a series, written anew from their documents: only the rule, with its own threshold as the bound. */

function deviation(values: readonly number[]): number {
  return standardDeviation(values) ?? 0;
}

/** Conbench's look-back z-score: the newest value against mean and deviation of the last 100 commits (default 5). */
export const conbench: Detector = (series, bound) => {
  const before = series.slice(-101, -1);
  const spread = deviation(before);
  return spread > 0 && Math.abs((series.at(-1) ?? 0) - mean(before)) / spread > bound;
};

/** Bencher's t-test: the newest value against a prediction interval of at most 64 values, x̄ ± t·s·√(1 + 1/n). */
export const bencher: Detector = (series, bound) => {
  const before = series.slice(-65, -1);
  const reach = bound * deviation(before) * Math.sqrt(1 + 1 / before.length);
  return Math.abs((series.at(-1) ?? 0) - mean(before)) > reach;
};

/**
 * Otava's (Hunter's) way: the last 50 values, splits that maximise E-divisive's statistic, found one after another and tested by Student's t of the two sides,
 * here with t itself as the bound in place of p; the weakest is dropped first. An alarm is a split among the last five values, with two values after it.
 */
export const otava: Detector = (series, bound) => {
  const window = series.slice(-50);
  let splits = splitAll(window, 0, bound);
  while (splits.length > 0) {
    const edges = [0, ...splits, window.length];
    const strengths = splits.map((at, index) =>
      tOf(window.slice(edges[index] ?? 0, at), window.slice(at, edges[index + 2] ?? window.length)),
    );
    const weakest = Math.min(...strengths);
    if (weakest >= bound) break;
    splits = splits.filter((_, index) => strengths[index] !== weakest);
  }
  return splits.some((at) => window.length - at <= 5);
};

function splitAll(values: readonly number[], offset: number, bound: number): number[] {
  const at = bestSplit(values, 2)?.index;
  // Candidates are taken at a looser bound, and judged again once all are there.
  if (at === undefined || tOf(values.slice(0, at), values.slice(at)) < bound * 0.75) return [];
  return [
    ...splitAll(values.slice(0, at), offset, bound),
    offset + at,
    ...splitAll(values.slice(at), offset + at, bound),
  ];
}

function tOf(a: readonly number[], b: readonly number[]): number {
  if (a.length < 2 || b.length < 2) return 0;
  const pooled = ((a.length - 1) * deviation(a) ** 2 + (b.length - 1) * deviation(b) ** 2) / (a.length + b.length - 2);
  return pooled === 0 ? 0 : Math.abs(mean(a) - mean(b)) / Math.sqrt(pooled * (1 / a.length + 1 / b.length));
}
