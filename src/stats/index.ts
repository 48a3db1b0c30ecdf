/**
 * stats: pure statistics: quantiles, spread, and the rule that says when a percentile may be claimed; tests, intervals and effect sizes of two
 * samples, exact or by resampling; adjustment for many hypotheses; what a comparison says, and how many samples it needs; change points, steps,
 * anomalies, trends and forecasts of series; the probability that a test is flaky; and a tree that finds what goes with an outcome.
 *
 * Never: I/O, clocks, randomness without a seed, knowledge of tasks, workers or models.
 * May enter: every room.
 */
export { anomalies } from "./anomalies.ts";
export type { Anomaly } from "./anomalies.ts";
export { bestSplit, changePoints } from "./change-points.ts";
export type { ChangePoint } from "./change-points.ts";
export { confirmsStep, newestStep } from "./newest-step.ts";
export type { Step } from "./newest-step.ts";
export { medianInterval } from "./exact-intervals.ts";
export { forecast } from "./forecast.ts";
export type { Forecast } from "./forecast.ts";
export { robustSummary } from "./robust-summary.ts";
export { trendOf } from "./trend.ts";
export type { Trend } from "./trend.ts";
export { treeLeaves } from "./decision-tree.ts";
export { falseDiscoveryAdjusted } from "./false-discovery.ts";
export { flakyProbability } from "./flakiness.ts";
export { fisherExact, oddsRatio, stratifiedExact } from "./fisher.ts";
export type { TwoByTwo } from "./fisher.ts";
export { summarizeLatency } from "./latency-summary.ts";
export type { LatencySummary } from "./latency-summary.ts";
export { requiredSamples } from "./percentile-rule.ts";
export { mean, quantile, standardDeviation } from "./quantiles.ts";
export { meanInterval, welchTest } from "./welch.ts";
export type { Interval, WelchTest } from "./welch.ts";
