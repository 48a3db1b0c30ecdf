import { quantile } from "./quantiles.ts";
import { robustSummary } from "./robust-summary.ts";

export interface AnomalyOptions {
  /** Values after which the season comes again, e.g. 7 for days of a week. */
  readonly period?: number;
  /** How many values before are looked at. */
  readonly window?: number;
  /** Robust deviations from which on a value is told. */
  readonly threshold?: number;
}

export interface Anomaly {
  readonly index: number;
  readonly value: number;
  readonly expected: number;
  readonly score: number;
}

const LEAST_BEFORE = 15;

/**
 * Values that lie far from those before them: robust z over a window (B. Iglewicz, D. C. Hoaglin, How to Detect and Handle Outliers, 1993;
 * threshold 3.5). With a period each phase's median is taken out first, from three seasons on. A level that stays is a step, not an
 * anomaly: once half of the window is on it, it is expected.
 */
export function anomalies(values: readonly number[], options: AnomalyOptions = {}): Anomaly[] {
  const { period, window = 30, threshold = 3.5 } = options;
  const season = period === undefined ? null : seasonOf(values, period);
  const flat = values.map((value, index) => value - (season?.[index % season.length] ?? 0));
  return values.flatMap((value, index) => {
    const before = flat.slice(Math.max(0, index - window), index);
    if (before.length < LEAST_BEFORE) return [];
    const { median, deviation, q1, q3 } = robustSummary(before);
    const spread = Math.max(deviation, (q3 - q1) / 1.349);
    const away = (flat[index] ?? 0) - median;
    const score = spread === 0 ? (away === 0 ? 0 : Math.sign(away) * Infinity) : away / spread;
    return Math.abs(score) < threshold ? [] : [{ index, value, expected: value - away, score }];
  });
}

/** By how much each phase lies above the middle of all; null below three seasons. */
function seasonOf(values: readonly number[], period: number): number[] | null {
  if (period < 2 || values.length < 3 * period) return null;
  const middle = quantile(values, 0.5);
  return Array.from(
    { length: period },
    (_, phase) =>
      quantile(
        values.filter((__, index) => index % period === phase),
        0.5,
      ) - middle,
  );
}
