import { expect, it } from "vitest";
import type { ResultView } from "../contracts/index.ts";
import { resultNotes } from "./result-notes.ts";

const style = { colour: false, unicode: true };

function result(more: Partial<ResultView>): ResultView {
  return {
    run_id: "r1",
    task_id: "bert@cpu",
    attempt: 1,
    worker_id: "w1",
    status: "completed",
    model: "bert",
    precision: "fp32",
    backend: "ort-node/cpu",
    observed_backend: "ort-node/cpu",
    hardware: "cpu",
    device: null,
    execution_time_seconds: 3,
    end_time: "2026-11-01T00:00:00.000Z",
    hardware_metrics: {},
    results: {},
    provenance: null,
    partial: false,
    isolation: null,
    failure: null,
    recovery: [],
    ...more,
  };
}

const step = { strategy: "halve_batch", class: "out_of_memory", message: "batch size 64\ndoes not fit" } as const;

it("says what was done, whether it helped, and what is missing", () => {
  const results = { unmeasured: { "64": "does not fit in memory" }, resume: { batch_sizes: [1, 2] } };
  expect(
    resultNotes(
      [
        result({
          results,
          recovery: [
            { ...step, succeeded: false },
            { ...step, succeeded: true },
          ],
        }),
        result({}),
      ],
      style,
    ),
  ).toEqual([
    "! bert@cpu: halve_batch, without success: batch size 64 does not fit",
    "✓ bert@cpu: halve_batch: batch size 64 does not fit",
    "! bert@cpu: batch size 64 does not fit in memory",
    "- bert@cpu: batch sizes 1, 2 are an earlier attempt's",
  ]);
});

it("says why what an earlier attempt left was not used", () => {
  const results = { resume: { ignored: "the earlier attempt ran with another machine" } };
  expect(resultNotes([result({ results })], style)).toEqual([
    "! bert@cpu: measured anew, the earlier attempt ran with another machine",
  ]);
});

it("ends after twenty lines with where the rest is", () => {
  const lines = resultNotes(
    Array.from({ length: 30 }, () => result({ recovery: [{ ...step, succeeded: true }] })),
    style,
  );
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('and 10 more: assay sql "select * from recoveries"');
});
