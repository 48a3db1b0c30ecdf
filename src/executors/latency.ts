import type { JsonObject } from "../base/index.ts";
import type { Metric } from "../contracts/index.ts";
import type { LatencySummary } from "../stats/index.ts";

/** A summary as the results of a document have it. */
export function latencyResults(latency: LatencySummary): JsonObject {
  return {
    count: latency.count,
    mean: latency.mean,
    standard_deviation: latency.standardDeviation,
    min: latency.min,
    p50: latency.p50,
    p90: latency.p90,
    p90_supported: latency.p90Supported,
    p95: latency.p95,
    p95_supported: latency.p95Supported,
    p99: latency.p99,
    max: latency.max,
  };
}

/** `latency_ms` gives `latency_ms_p50`, … */
export function latencyMetrics(name: string, latency: LatencySummary): Metric[] {
  const metrics: Metric[] = [
    { name: `${name}_mean`, value: latency.mean, unit: "ms" },
    { name: `${name}_p50`, value: latency.p50, unit: "ms" },
    { name: `${name}_p90`, value: latency.p90, unit: "ms" },
    { name: `${name}_p95`, value: latency.p95, unit: "ms" },
  ];
  if (latency.p99 !== null) metrics.push({ name: `${name}_p99`, value: latency.p99, unit: "ms" });
  return metrics;
}
