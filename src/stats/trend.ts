import { normalQuantile, normalTail } from "./normal.ts";
import { quantileOfSorted } from "./quantiles.ts";
import type { Interval } from "./welch.ts";

/** A value at a time; times in any unit, ascending. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  /** Theil and Sen's slope: the median over all pairs of points, in values for each unit of time (P. K. Sen, JASA 63, 1968). */
  readonly slope: number;
  readonly interval: Interval;
  /** Kendall's tau with time, -1 to 1. */
  readonly tau: number;
  /** Mann and Kendall's two-sided p, with ties, corrected for autocorrelated noise (K. H. Hamed, A. R. Rao, J. Hydrology 204, 1998). */
  readonly p: number;
}

/** Null below four points, of which no order would be rare. O(n²). */
export function trendOf(points: readonly Point[], confidence = 0.95): Trend | null {
  const count = points.length;
  if (count < 4) return null;
  const slopes: number[] = [];
  let sum = 0;
  for (const [index, { at, value }] of points.entries()) {
    for (const later of points.slice(index + 1)) {
      sum += Math.sign(later.value - value);
      if (later.at !== at) slopes.push((later.value - value) / (later.at - at));
    }
  }
  if (slopes.length === 0) return null;
  slopes.sort((a, b) => a - b);
  const slope = quantileOfSorted(slopes, 0.5);
  const values = points.map(({ value }) => value);
  const variance = kendallVariance(values) * inflation(points, slope);
  const z = variance <= 0 ? 0 : Math.max(0, Math.abs(sum) - 1) / Math.sqrt(variance);
  const reach = normalQuantile((1 + confidence) / 2) * Math.sqrt(Math.max(0, variance));
  const lower = Math.max(0, Math.floor((slopes.length - reach) / 2));
  const upper = Math.min(slopes.length - 1, Math.ceil((slopes.length + reach) / 2));
  return {
    slope,
    interval: { low: slopes[lower] ?? slope, high: slopes[upper] ?? slope },
    tau: sum / ((count * (count - 1)) / 2),
    p: Math.min(1, 2 * normalTail(z)),
  };
}

/** Of Kendall's sum when there is no trend. */
function kendallVariance(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const part = (n: number): number => n * (n - 1) * (2 * n + 5);
  const ties = [...counts.values()].reduce((sum, size) => sum + part(size), 0);
  return (part(values.length) - ties) / 18;
}

/** By how much the variance is greater than that of independent noise: from the ranks' autocorrelations that are significant. */
function inflation(points: readonly Point[], slope: number): number {
  const count = points.length;
  const ranks = ranksOf(points.map(({ at, value }) => value - slope * at));
  const middle = (count + 1) / 2;
  const spread = ranks.reduce((sum, rank) => sum + (rank - middle) ** 2, 0);
  if (spread === 0) return 1;
  const significant = 1.959963984540054 / Math.sqrt(count);
  let sum = 0;
  for (let lag = 1; lag < count - 2; lag += 1) {
    let products = 0;
    for (let index = lag; index < count; index += 1)
      products += ((ranks[index] ?? 0) - middle) * ((ranks[index - lag] ?? 0) - middle);
    const correlation = products / spread;
    if (Math.abs(correlation) > significant) sum += (count - lag) * (count - lag - 1) * (count - lag - 2) * correlation;
  }
  // A noise that alternates would make the test bolder than independence allows.
  return Math.max(1, 1 + (2 / (count * (count - 1) * (count - 2))) * sum);
}

/** From 1; equal values share the mean of their places. */
function ranksOf(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const ranks = values.map(() => 0);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to + 1 < order.length && order[to + 1]?.value === order[from]?.value) to += 1;
    for (const { index } of order.slice(from, to + 1)) ranks[index] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranks;
}
