import { z } from "zod";
import { failure, provenance, recoveryStep } from "./result.ts";
import { identifier } from "./task.ts";

/** What was measured of a model at one batch size. */
export const batchFigures = z.strictObject({
  batch_size: z.int(),
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  items_per_second: z.number().nullable(),
  memory_mb: z.number().nullable().describe("Peak of all that the model's processes hold, 1 MB = 10^6 bytes"),
  n: z.int().nullable().describe("Timed iterations"),
  spread: z.number().nullable().describe("Robust coefficient of variation of the iterations"),
  cpu_utilization_percent: z.number().nullable().describe("What the model's processes used of all cores"),
  gpu_utilization_percent: z.number().nullable().describe("Mean of all GPUs, where the backend computes on one"),
  cpu_power_w: z.number().nullable().describe("Of all processors"),
  gpu_power_w: z.number().nullable().describe("Of all GPUs, where the backend computes on one"),
  power_w: z.number().nullable().describe("Both together; of the GPUs alone where the processors' is not known"),
  energy_j_per_item: z.number().nullable(),
});
export type BatchFigures = z.infer<typeof batchFigures>;

/** What one task with a model came to: a row of the view `matrix_history`. */
export const matrixRecord = z.strictObject({
  model: z.string(),
  precision: z.string(),
  backend: z.string(),
  age: z.int().describe("1 is the newest of its model, precision and backend"),
  run_id: identifier,
  task_id: identifier,
  worker_id: identifier,
  end_time: z.iso.datetime(),
  status: z.string(),
  hardware: z.string().nullable(),
  observed_backend: z.string().nullable(),
  device: z.string().nullable(),
  sequence_length: z.string().nullable().describe("As the task asked for it"),
  batches: z.array(batchFigures),
  unmeasured: z.record(z.string(), z.string()).nullable().describe("Why a batch size has no figures"),
  provenance: provenance.nullable(),
  failure: failure.nullable(),
  price_per_hour: z.number().nullable().describe("What its worker cost when it reported the result"),
  currency: z.string().nullable(),
  recovery: z.array(recoveryStep),
  model_sha256: z.string().nullable(),
  model_sha256_now: z.string().nullable().describe("Of the newest result with this model"),
  runtime_version: z.string().nullable(),
  runtime_version_now: z.string().nullable().describe("What its worker has now"),
});
export type MatrixRecord = z.infer<typeof matrixRecord>;
