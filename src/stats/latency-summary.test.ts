import { expect, test } from "vitest";
import { summarizeLatency } from "./latency-summary.ts";

const ramp = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test("a short run shows p95 but does not claim it, and has no p99", () => {
  const summary = summarizeLatency(ramp(101));
  expect(summary).toMatchObject({ count: 101, min: 1, max: 101, mean: 51, p50: 51, p90: 91, p95: 96, p99: null });
  expect(summary).toMatchObject({ p90Supported: true, p95Supported: false });
});

test("130 samples support p95, 662 support p99", () => {
  expect(summarizeLatency(ramp(129)).p95Supported).toBe(false);
  expect(summarizeLatency(ramp(130)).p95Supported).toBe(true);
  expect(summarizeLatency(ramp(661)).p99).toBeNull();
  expect(summarizeLatency(ramp(662)).p99).toBeCloseTo(655.39, 10);
});

test("one outlier is kept", () => {
  const summary = summarizeLatency([1, 1, 1, 1, 1000]);
  expect(summary.max).toBe(1000);
  expect(summary.mean).toBe(200.8);
});
