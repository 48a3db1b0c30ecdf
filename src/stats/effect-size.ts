import { mean, standardDeviation } from "./quantiles.ts";

/**
 * Hedges' g: the difference of two means, a minus b, in pooled standard deviations, corrected for few samples (L. V. Hedges, J. Educational
 * Statistics 6, 1981). Null for fewer than two samples on a side, or without any spread.
 */
export function hedgesG(a: readonly number[], b: readonly number[]): number | null {
  const [spreadA, spreadB] = [standardDeviation(a), standardDeviation(b)];
  if (spreadA === null || spreadB === null) return null;
  const degrees = a.length + b.length - 2;
  const pooled = Math.sqrt(((a.length - 1) * spreadA ** 2 + (b.length - 1) * spreadB ** 2) / degrees);
  if (pooled === 0) return null;
  return ((mean(a) - mean(b)) / pooled) * (1 - 3 / (4 * degrees - 1));
}
