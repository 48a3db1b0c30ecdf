import type { MeasuredBatch } from "./launches.ts";

/** The search ends when the largest size that fits is known to within this part of it. */
const CLOSE_ENOUGH = 1 / 8;

/** The next size to try between the largest that fits and the smallest that does not; undefined when they are close, or all fit. */
export function betweenSizes(fits: number, tooLarge: number | undefined): number | undefined {
  if (tooLarge === undefined || tooLarge - fits <= Math.max(1, fits * CLOSE_ENOUGH)) return undefined;
  return fits + Math.floor((tooLarge - fits) / 2);
}

/**
 * What a search found, as results have it: the size with the most items per second, the largest that fits, and the smallest that
 * does not, null when the largest that was asked for fits. Undefined when nothing was measured.
 */
export function searchResult(
  batches: readonly Pick<MeasuredBatch, "batchSize" | "throughputItemsPerSecond">[],
  tooLarge: number | undefined,
): { best: number; largest: number; too_large: number | null } | undefined {
  const [best] = batches.toSorted((a, b) => b.throughputItemsPerSecond - a.throughputItemsPerSecond);
  if (best === undefined) return undefined;
  return {
    best: best.batchSize,
    largest: Math.max(...batches.map(({ batchSize }) => batchSize)),
    too_large: tooLarge ?? null,
  };
}
