import { expect, test } from "vitest";
import { summarizeLatency } from "../../stats/index.ts";
import { combineLaunches } from "./launches.ts";
import type { BatchReport, RoundReport } from "./messages.ts";
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

test("what was used and drawn is the mean of the rounds that count, and never leaves out a GPU that computed", () => {
  const round = {
    count: 3,
    p50Ms: 1,
    spread: null,
    othersLoad: null,
    ownLoad: null,
    power: null,
    noise: null,
    chosen: true,
  };
  const gpu = { watts: 200, utilizationPercent: 80, memoryBytes: 2e9 };
  const figuresOf = (...rounds: readonly Partial<RoundReport>[]): Record<string, number> => {
    const batch = combineLaunches([report([1, 1, 1], { rounds: rounds.map((more) => ({ ...round, ...more })) })]);
    const all = modelMetrics({ load: null, batches: [batch] });
    const names = /^(cpu|gpu|power|energy)_/;
    return Object.fromEntries(all.flatMap(({ name, value }) => (names.test(name) ? [[name, value]] : [])));
  };
  expect(figuresOf({})).toEqual({});
  expect(figuresOf({ ownLoad: 0.25, power: { cpuWatts: 40, gpu: null } }, { ownLoad: 0.9, chosen: false })).toEqual({
    ...{ cpu_utilization_percent: 25, cpu_power_w: 40, power_w: 40, energy_j_per_item: 40 / 4000 },
  });
  const both = { power: { cpuWatts: 50, gpu } };
  expect(figuresOf(both, { power: { cpuWatts: 70, gpu: { ...gpu, watts: 100, memoryBytes: 1e9 } } })).toEqual({
    ...{ gpu_utilization_percent: 80, gpu_memory_mb: 2000, cpu_power_w: 60, gpu_power_w: 150 },
    ...{ power_w: 210, energy_j_per_item: 210 / 4000 },
  });
  expect(figuresOf({ power: { cpuWatts: null, gpu } })).toMatchObject({ gpu_power_w: 200, power_w: 200 });
  expect(figuresOf({ power: { cpuWatts: 50, gpu: { ...gpu, watts: null } } })).toEqual({
    ...{ gpu_utilization_percent: 80, gpu_memory_mb: 2000, cpu_power_w: 50 },
  });
});
