import { supportsPercentile } from "./percentile-rule.ts";
import { mean, quantileOfSorted, sortedCopy, standardDeviation } from "./quantiles.ts";

/** What is told about a list of durations. All values in the unit of the samples. */
export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Sample standard deviation; `null` for a single sample. */
  readonly standardDeviation: number | null;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  /** `null` below the 662 samples that a claim about p99 needs. */
  readonly p99: number | null;
  /** Whether the count allows a claim about p90 (64) and p95 (130): a short run shows them, but must say so. */
  readonly p90Supported: boolean;
  readonly p95Supported: boolean;
}

/** Summarises durations. No sample is dropped, however far out it lies. */
export function summarizeLatency(samples: readonly number[]): LatencySummary {
  const sorted = sortedCopy(samples);
  const count = sorted.length;
  return {
    count,
    min: quantileOfSorted(sorted, 0),
    max: quantileOfSorted(sorted, 1),
    mean: mean(sorted),
    standardDeviation: standardDeviation(sorted),
    p50: quantileOfSorted(sorted, 0.5),
    p90: quantileOfSorted(sorted, 0.9),
    p95: quantileOfSorted(sorted, 0.95),
    p99: supportsPercentile(count, 0.99) ? quantileOfSorted(sorted, 0.99) : null,
    p90Supported: supportsPercentile(count, 0.9),
    p95Supported: supportsPercentile(count, 0.95),
  };
}
