import { expect, test } from "vitest";
import { matrixRecord } from "../contracts/index.ts";
import type { MatrixRecord } from "../contracts/index.ts";
import { reportOfLatest } from "../reports/index.ts";
import { matrixLines } from "./matrix-lines.ts";

const record = (more: Partial<MatrixRecord>): MatrixRecord =>
  matrixRecord.parse({
    ...{ model: "tiny-vit", precision: "fp32", backend: "ort-node/cpu", age: 1, run_id: "r", task_id: "t" },
    ...{ worker_id: "w", end_time: "2026-11-24T10:00:00.000Z", status: "completed", hardware: "cpu" },
    ...{ observed_backend: null, device: null, sequence_length: null, unmeasured: null, failure: null, recovery: [] },
    batches: [
      {
        ...{ batch_size: 1, p50_ms: 1.234, p95_ms: 2, items_per_second: 810, memory_mb: 160, n: 130, spread: 0 },
        ...{ cpu_utilization_percent: 50, gpu_utilization_percent: null },
        ...{ cpu_power_w: 41.26, gpu_power_w: null, power_w: 41.26, energy_j_per_item: 0.05 },
      },
    ],
    provenance: { kind: "real", proven: true },
    ...{ model_sha256: null, model_sha256_now: null, runtime_version: null, runtime_version_now: null },
    ...{ price_per_hour: null, currency: null },
    ...more,
  });
const failure = {
  class: "setup",
  reason: "unsupported_operator",
  message: "cannot resolve operator 'Gelu'\u001b[2J",
} as const;
const report = reportOfLatest(
  [record({}), record({ backend: "chromium/webnn", status: "failed", failure, batches: [] })],
  { nowMs: Date.parse("2026-11-25T00:00:00.000Z") },
);
const style = { colour: false, unicode: true };

test("a cell has its state and its figures, and below stands why it does not work", () => {
  expect(matrixLines(report, { style }).slice(0, 11)).toEqual([
    "MODEL     ort-node/cpu       chromium/webnn",
    "tiny-vit  ✓ works            ✕ unsupported",
    "          1.23 ms            2026-11-24",
    "          810 items/s",
    "          160 MB",
    "          41.3 W",
    "          n 130, 2026-11-24",
    "",
    "median latency, throughput, peak memory and power where it is known, at the smallest batch size; n timed iterations",
    "",
    "Why",
  ]);
  // What a runtime wrote may not steer the terminal.
  expect(matrixLines(report, { style })[11]).toBe(
    "✕ unsupported: tiny-vit on chromium/webnn: operator Gelu: cannot resolve operator 'Gelu' [2J",
  );
});

test("backends that do not fit beside each other stand below", () => {
  const lines = matrixLines(report, { style, width: 40 });
  expect(lines.filter((line) => line.startsWith("MODEL"))).toEqual([
    "MODEL     ort-node/cpu",
    "MODEL     chromium/webnn",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
});

test("each state is told by sign and word, and by colour where there is one", () => {
  const coloured = matrixLines(report, { style: { colour: true, unicode: false } });
  expect(coloured[1]).toContain("\u001b[32m+ works\u001b[39m");
  expect(coloured[1]).toContain("\u001b[31mx unsupported\u001b[39m");
});
