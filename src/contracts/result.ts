import { z } from "zod";
import { isolation } from "./limits.ts";
import { hardware, identifier } from "./task.ts";
import { MAX_TESTS_PER_TASK, testResult } from "./tests.ts";

export const failureClasses = [
  "assertion",
  "timeout",
  "crash",
  "out_of_memory",
  "device_lost",
  "worker_lost",
  "setup",
  "cancelled",
] as const;
export type FailureClass = (typeof failureClasses)[number];

export const failure = z.strictObject({
  class: z.enum(failureClasses),
  /** Finer word from the executor, e.g. `unsupported_operator`. */
  reason: z.string().max(100).optional(),
  message: z.string().max(16_384),
});
export type Failure = z.infer<typeof failure>;

/** What an executor can do about a failure before it gives an attempt up. */
export const recoveryStrategies = [
  "halve_batch",
  "fresh_process",
  "new_device",
  "hand_back",
  "measure_again",
  "fallback_hardware",
] as const;
export type RecoveryStrategy = (typeof recoveryStrategies)[number];

/** One step that was taken within an attempt, against which failure, and whether it did what it is for. */
export const recoveryStep = z.strictObject({
  strategy: z.enum(recoveryStrategies),
  class: z.enum(failureClasses),
  reason: z.string().max(100).optional(),
  message: z.string().max(2_000),
  succeeded: z.boolean(),
});
export type RecoveryStep = z.infer<typeof recoveryStep>;

export const metric = z.strictObject({
  name: z.string().min(1).max(100),
  value: z.number(),
  unit: z.string().max(30),
  /** Which of several: e.g. batch_size 4. */
  batch_size: z
    .int()
    .positive()
    .max(2 ** 31 - 1)
    .optional(),
});
export type Metric = z.infer<typeof metric>;

export const artifact = z.strictObject({
  name: z.string().min(1).max(500),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size_bytes: z.int().min(0),
  content_type: z.string().max(200),
});
export type Artifact = z.infer<typeof artifact>;

/** How we know that a result was really computed where it says. */
export const provenance = z.strictObject({
  kind: z.enum(["real", "mock", "simulated"]),
  /** True when the evidence shows it; false when it is only said so. */
  proven: z.boolean(),
  requested_backend: z.string().optional(),
  observed_backend: z.string().optional(),
  evidence: z.array(z.strictObject({ check: z.string(), passed: z.boolean(), detail: z.string() })).default([]),
});
export type Provenance = z.infer<typeof provenance>;

export const hardwareMetrics = z.strictObject({
  gpu_utilization_percent: z.number().optional(),
  cpu_utilization_percent: z.number().optional(),
  memory_usage_mb: z.number().optional(),
  power_consumption_watts: z.number().optional(),
});

export const resultStatuses = ["completed", "failed", "timed_out", "cancelled"] as const;

/**
 * The result of one attempt, as a worker reports it. `completed`: it ran and passed; `failed`: see `failure.class`,
 * where only `assertion` means that the test itself said no.
 */
export const resultDocument = z.strictObject({
  task_id: identifier,
  worker_id: identifier,
  status: z.enum(resultStatuses),
  execution_time_seconds: z.number().min(0).max(1e9),
  hardware_metrics: hardwareMetrics.default({}),
  results: z.record(z.string(), z.json()).default({}),
  simulation_status: z
    .strictObject({ is_simulated: z.boolean(), reason: z.string().optional() })
    .default({ is_simulated: false }),
  logs: z
    .string()
    .max(64 * 1024)
    .optional()
    .describe("The last part of the output, base64; all of it is in the artifacts"),
  hardware: hardware.optional().describe("The platform that the attempt really used"),
  exit_code: z.int().nullable().optional(),
  signal: z.string().nullable().optional(),
  failure: failure.optional(),
  recovery: z.array(recoveryStep).max(1_000).default([]),
  metrics: z.array(metric).max(10_000).default([]),
  artifacts: z.array(artifact).max(1_000).default([]),
  provenance: provenance.optional(),
  tests: z.array(testResult).max(MAX_TESTS_PER_TASK).optional().describe("What became of each test of a suite"),
  isolation: isolation.optional().describe("How the attempt was kept apart, and which limits it kept to"),
  partial: z
    .literal(true)
    .optional()
    .describe("The attempt was ended before its own end: what is here is what it had made until then"),
});
export type ResultDocument = z.infer<typeof resultDocument>;
export type ResultDocumentInput = z.input<typeof resultDocument>;
