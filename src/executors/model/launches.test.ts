import { expect, test } from "vitest";
import { summarizeLatency } from "../../stats/index.ts";
import { combineLaunches } from "./launches.ts";
import type { BatchReport } from "./messages.ts";
import { modelHardwareMetrics, modelMetrics, modelResults } from "./model-result.ts";

function report(samplesMs: readonly number[], changes: Partial<BatchReport> = {}): BatchReport {
  return {
    batchSize: 4,
    warmupIterations: 1,
    samplesMs,
    latencyMs: summarizeLatency(samplesMs),
    throughputItemsPerSecond: 1,
    peakMemoryBytes: 100,
    rounds: [],
    check: {
      reference: "float64",
      outputName: "logits",
      samplesCompared: 4,
      maxAbsError: 0,
      cosine: 1,
      tolerance: 1e-4,
    },
    recheck: { iterations: 1, maxAbsError: 0 },
    ...changes,
  };
}

test("all iterations of all launches count, and the interval comes from the medians of the launches", () => {
  const combined = combineLaunches([
    report([1, 1, 1]),
    report([2, 2, 2], { peakMemoryBytes: 300 }),
    report([3, 3, 3], { recheck: { iterations: 2, maxAbsError: 0.5 } }),
  ]);
  expect(combined).toMatchObject({
    latencyMs: { count: 9, p50: 2 },
    throughputItemsPerSecond: (4 * 9 * 1000) / 18,
    peakMemoryBytes: 300,
    recheck: { iterations: 4, maxAbsError: 0.5 },
  });
  // 2 ± 4.303 · 1/√3: the critical value of two degrees of freedom.
  expect(combined.p50IntervalMs?.low).toBeCloseTo(2 - 4.303 / Math.sqrt(3), 3);
  expect(combined.p50IntervalMs?.high).toBeCloseTo(2 + 4.303 / Math.sqrt(3), 3);
});

test("two launches give no interval", () => {
  expect(combineLaunches([report([1]), report([2])]).p50IntervalMs).toBeNull();
});

test("a resumed launch, of which some iterations are gone, keeps its summary alone, and is a median beside whole ones", () => {
  const resumed = report([5], { latencyMs: summarizeLatency([4, 5, 6]), throughputItemsPerSecond: 7 });
  expect(combineLaunches([resumed])).toMatchObject({ latencyMs: { count: 3 }, throughputItemsPerSecond: 7 });
  const combined = combineLaunches([resumed, report([2, 2]), report([2, 4])]);
  expect(combined).toMatchObject({
    samplesMs: [2, 2, 2, 4],
    latencyMs: { count: 4, mean: 2.5, p50: 2, max: 4 },
    throughputItemsPerSecond: (4 * 4 * 1000) / 10,
    p50IntervalMs: { low: expect.any(Number) },
  });
  expect(combined.launches.map(({ p50Ms }) => p50Ms)).toEqual([5, 2, 3]);
});

test("what lies far out is counted and stays", () => {
  const combined = combineLaunches([report([1, 1.1, 0.9, 1, 1.05, 0.95, 50])]);
  expect(combined).toMatchObject({ outliers: 1, latencyMs: { count: 7, max: 50 } });
});

test("memory that no launch knows stays unknown, and a result leaves it out", () => {
  const unknown = combineLaunches([report([1], { peakMemoryBytes: null }), report([2], { peakMemoryBytes: null })]);
  const parts = { load: null, batches: [unknown], memory: { peakBytes: null, source: "not_known" as const } };
  expect(unknown.peakMemoryBytes).toBeNull();
  expect(modelResults(parts)).toMatchObject({ memory: { source: "not_known" } });
  expect(JSON.stringify([modelResults(parts), modelHardwareMetrics(parts)])).not.toContain("_mb");
  expect(modelMetrics(parts).filter(({ unit }) => unit === "MB")).toEqual([]);
  expect(combineLaunches([report([1], { peakMemoryBytes: null }), report([2])]).peakMemoryBytes).toBe(100);
});
