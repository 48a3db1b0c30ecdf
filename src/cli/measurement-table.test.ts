import { describe, expect, it } from "vitest";
import type { ResultView, TaskView } from "../contracts/index.ts";
import { taskSpec } from "../contracts/index.ts";
import { measurementLines, measurementsOf, unmeasuredTask } from "./measurement-table.ts";

const look = { style: { colour: false, unicode: true } };
const latency = (count: number, p95_supported: boolean) => ({ count, p95: 7.891, p95_supported });
const batch = (count: number, supported: boolean) => ({
  latency_ms: 4.264,
  throughput_items_per_second: 185.2,
  memory_mb: 170.4,
  latency: latency(count, supported),
});

const result = (more: Partial<ResultView>): ResultView => ({
  run_id: "r1",
  task_id: "tiny-bert@ort-node/cpu",
  attempt: 1,
  worker_id: "w1",
  status: "completed",
  model: "tiny-bert",
  precision: "fp32",
  backend: "ort-node/cpu",
  observed_backend: "ort-node/cpu",
  hardware: "cpu",
  device: null,
  execution_time_seconds: 3,
  end_time: "2026-11-01T00:00:00.000Z",
  hardware_metrics: {},
  results: { batch_sizes: { "1": batch(130, true), "16": batch(50, false) } },
  provenance: { kind: "real", proven: true, evidence: [] },
  failure: null,
  partial: false,
  isolation: null,
  recovery: [],
  ...more,
});

describe("measurements", () => {
  it("have a row per batch size and marks what too few iterations cannot claim", () => {
    expect(measurementLines(measurementsOf([result({})]), look)).toEqual([
      "MODEL      BACKEND       BATCH  P50 MS  P95 MS  ITEMS/S  PEAK MB    N  PROVENANCE",
      "tiny-bert  ort-node/cpu      1    4.26    7.89      185      170  130  ✓ real, proven",
      "tiny-bert  ort-node/cpu     16    4.26   ~7.89      185      170   50  ✓ real, proven",
      "~ too few iterations to claim a 95th percentile (130 are enough)",
    ]);
  });

  it("leave memory empty where it could not be measured", () => {
    const { memory_mb: _, ...unknown } = batch(130, true);
    const rows = measurementsOf([result({ results: { batch_sizes: { "1": unknown } } })]);
    expect(rows).toMatchObject([{ p50_ms: 4.264, memory_mb: null }]);
    expect(measurementLines(rows, look)[1]).toMatch(/ 185 {11}130 /);
  });

  it.each([
    [{ kind: "real", proven: false, evidence: [] }, "! real, not proven"],
    [{ kind: "mock", proven: true, evidence: [] }, "! mock"],
    [{ kind: "simulated", proven: true, evidence: [] }, "! simulated"],
  ] as const)("never shows %j as proven", (provenance, text) => {
    const rows = measurementsOf([result({ provenance: { ...provenance, evidence: [] } })]);
    expect(measurementLines(rows, look)[1]).toMatch(new RegExp(`${text}$`));
  });

  it("says why there is no number, and keeps what was measured before", () => {
    const failure = { class: "out_of_memory", message: "the process was\nkilled" } as const;
    const rows = measurementsOf([
      result({ status: "failed", failure, results: { batch_sizes: { "1": batch(130, true) } } }),
    ]);
    const lines = measurementLines(rows, look);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/✓ real, proven$/);
    expect(measurementLines(measurementsOf([result({ provenance: null })]), look)[1]).toMatch(/! no evidence$/);
    expect(lines[2]).toBe(
      "tiny-bert  ort-node/cpu                                                ! error: the process was killed",
    );
  });

  it("tells a model that gives wrong outputs from one that could not be run", () => {
    const wrong = result({ status: "failed", results: {}, failure: { class: "assertion", message: "outputs differ" } });
    expect(measurementLines(measurementsOf([wrong]), look)[1]).toMatch(/✕ failed: outputs differ$/);
  });

  it("has a row for a task that nobody reported on", () => {
    const spec = taskSpec.parse({
      task_id: "gpt2@cuda",
      type: "benchmark",
      requirements: { hardware: ["cuda"] },
      config: { model: "gpt2" },
    });
    const task: TaskView = {
      ...{
        run_id: "r1",
        task_id: "gpt2@cuda",
        type: "benchmark",
        priority: 50,
        status: "cancelled",
        failure_class: null,
      },
      ...{
        attempts: 0,
        worker_id: null,
        create_time: "2026-11-01T00:00:00.000Z",
        start_time: null,
        end_time: null,
        spec,
      },
    };
    expect(measurementLines([unmeasuredTask(task)], look)[1]).toMatch(/^gpt2 {3}cuda .* – cancelled$/);
  });
});
