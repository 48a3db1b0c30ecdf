import { assert } from "../base/index.ts";

/**
 * The quantile of type 7 (Hyndman and Fan 1996; the default of R, NumPy and DuckDB's `quantile_cont`): linear between the
 * two nearest order statistics. `samples` need not be sorted and are not changed; `probability` is in [0, 1].
 */
export function quantile(samples: readonly number[], probability: number): number {
  return quantileOfSorted(sortedCopy(samples), probability);
}

/** As `quantile`, for samples that are in ascending order already. */
export function quantileOfSorted(sorted: readonly number[], probability: number): number {
  assert(sorted.length > 0, "a quantile needs at least one sample");
  assert(probability >= 0 && probability <= 1, `a probability lies in [0, 1], not ${probability}`);
  const position = (sorted.length - 1) * probability;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (position - below) * (high - low);
}

/** A copy in ascending order; refuses NaN, which has no order. */
export function sortedCopy(samples: readonly number[]): number[] {
  assert(!samples.some(Number.isNaN), "samples must be numbers, one is NaN");
  return samples.toSorted((a, b) => a - b);
}

/** The arithmetic mean. */
export function mean(samples: readonly number[]): number {
  assert(samples.length > 0, "a mean needs at least one sample");
  let sum = 0;
  for (const sample of samples) sum += sample;
  return sum / samples.length;
}

/** The sample standard deviation (divisor n − 1), in two passes; `null` below two samples, where it is not defined. */
export function standardDeviation(samples: readonly number[]): number | null {
  if (samples.length < 2) return null;
  const centre = mean(samples);
  let squares = 0;
  for (const sample of samples) squares += (sample - centre) ** 2;
  return Math.sqrt(squares / (samples.length - 1));
}
