import { expect, test } from "vitest";
import type { TaskSpecInput } from "../contracts/index.ts";
import { measured, model, registered, ResultsFolder, specs, Story, story } from "./results-acceptance.ts";

const folder = new ResultsFolder();

test("the matrix has a row for each batch size, and one for what failed", async () => {
  const one = await folder.of(story());
  const { rows } = await one.sql(
    "select model, hardware, batch_size, status, p50_ms, throughput_items_per_second, provenance_proven, failure_reason from matrix",
    100,
  );
  expect(rows).toEqual([
    ["tiny-bert", "cpu", 1, "completed", 1, 900, true, null],
    ["tiny-bert", "cpu", 4, "completed", 3, null, true, null],
    ["tiny-bert", "wasm", null, "failed", null, null, null, "wrong_numbers"],
  ]);
});

test("recovery steps are rows, and what a fallback cost is told against the platform that was wanted", async () => {
  const made = new Story();
  made.add(registered);
  const half = model("half", "cpu");
  made.add(
    specs(model("wanted", "cpu"), { ...half, config: { ...half.config, precision: "fp16" } } as TaskSpecInput, {
      ...model("fell", "cpu"),
      requirements: { hardware: ["cpu", "wasm"] },
    }),
  );
  const ran = (requested_backend: string) => ({ kind: "real", proven: true, requested_backend }) as const;
  made.attempt("wanted", 1, { ...measured("cpu"), provenance: ran("ort-node/cpu") });
  // Newer, and no measure for what ran in another precision.
  made.attempt("half", 1, {
    ...{ hardware: "cpu", provenance: ran("ort-node/cpu") },
    metrics: [{ name: "latency_ms_p50", value: 1, unit: "ms", batch_size: 4 }],
  });
  made.attempt("fell", 1, {
    ...{ hardware: "wasm", provenance: ran("ort-web/wasm") },
    recovery: [
      { strategy: "fallback_hardware", class: "setup", message: "no worker with cpu took it", succeeded: true },
      { strategy: "halve_batch", class: "out_of_memory", reason: "out_of_memory", message: "8", succeeded: false },
    ],
    metrics: [{ name: "latency_ms_p50", value: 6, unit: "ms", batch_size: 4 }],
  });
  const one = await folder.of(made);
  const recoveries = await one.sql("select task_id, strategy, reason, succeeded from recoveries order by strategy", 10);
  expect(recoveries.rows).toEqual([
    ["fell", "fallback_hardware", null, true],
    ["fell", "halve_batch", "out_of_memory", false],
  ]);
  const impact = await one.sql(
    "select task_id, wanted_hardware, hardware, batch_size, p50_ms, wanted_p50_ms, times_slower from fallback_impact",
    10,
  );
  expect(impact.rows).toEqual([["fell", "cpu", "wasm", 4, 6, 3, 2]]);
  const compared = await one.sql("select precision, wanted_backend, backend from fallback_impact", 10);
  expect(compared.rows).toEqual([["fp32", "ort-node/cpu", "ort-web/wasm"]]);
  expect((await one.results({ limit: 10, task_id: "fell" })).items[0]?.recovery).toHaveLength(2);
  expect((await one.results({ limit: 10, task_id: "wanted" })).items[0]?.recovery).toEqual([]);
  expect((await one.sql("select recovery from results_wide where task_id = 'wanted'", 1)).rows).toEqual([["[]"]]);
});
