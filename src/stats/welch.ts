import { mean, standardDeviation } from "./quantiles.ts";
import { criticalT, twoSidedP } from "./student-t.ts";

/** Of a mean, in the unit of the samples. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Student's interval of the mean of independent samples; null for fewer than three, of which nothing useful can be said. */
export function meanInterval(samples: readonly number[], confidence = 0.95): Interval | null {
  const count = samples.length;
  if (count < 3) return null;
  const middle = mean(samples);
  const margin = (criticalT(1 - confidence, count - 1) * (standardDeviation(samples) ?? 0)) / Math.sqrt(count);
  return { low: middle - margin, high: middle + margin };
}

export interface WelchTest {
  readonly t: number;
  readonly degrees: number;
  /** Two-sided: how often means at least so far apart come from equal distributions. */
  readonly p: number;
}

/**
 * Welch's test of two means, for samples of unequal spread (Welch 1947; degrees of freedom by Satterthwaite). Null for fewer than two
 * samples on a side. Two sides without any spread differ surely or not at all.
 */
export function welchTest(a: readonly number[], b: readonly number[]): WelchTest | null {
  if (a.length < 2 || b.length < 2) return null;
  const errors = [a, b].map((side) => (standardDeviation(side) ?? 0) ** 2 / side.length) as [number, number];
  const [errorA, errorB] = errors;
  const difference = mean(a) - mean(b);
  if (errorA + errorB === 0) {
    return { t: difference === 0 ? 0 : Infinity, degrees: a.length + b.length - 2, p: difference === 0 ? 1 : 0 };
  }
  const t = difference / Math.sqrt(errorA + errorB);
  const degrees = (errorA + errorB) ** 2 / (errorA ** 2 / (a.length - 1) + errorB ** 2 / (b.length - 1));
  return { t, degrees, p: twoSidedP(t, degrees) };
}
