/**
 * stats: pure statistics over samples: quantiles, spread, and the rule that says when a percentile may be claimed.
 *
 * Never: I/O, clocks, randomness without a seed, knowledge of tasks, workers or models.
 * May enter: every room.
 */
export { requiredSamples, supportsPercentile } from "./percentile-rule.ts";
export { mean, quantile, standardDeviation } from "./quantiles.ts";
export { summarizeLatency } from "./latency-summary.ts";
export type { LatencySummary } from "./latency-summary.ts";
