import { z } from "zod";
import { capabilityDocument } from "./capability.ts";
import { isolation } from "./limits.ts";
import { failure, hardwareMetrics, provenance, recoveryStep } from "./result.ts";
import { identifier, taskSpec, taskTypes } from "./task.ts";
import { frameworkName, libraryStates, testOutcomes } from "./tests.ts";

/** What REST lists, one schema per resource. Times are ISO 8601 in UTC. */
const time = z.iso.datetime();

export const runStates = ["running", "completed", "failed", "cancelled"] as const;
export const taskStates = [
  "blocked",
  "queued",
  "leased",
  "running",
  "completed",
  "failed",
  "cancelled",
  "skipped",
] as const;
export const attemptStates = [
  "leased",
  "running",
  "succeeded",
  "failed",
  "timed_out",
  "lost",
  "preempted",
  "cancelled",
] as const;
export const workerStates = ["ready", "suspect", "flapping", "quarantined", "draining", "lost", "left"] as const;
export type RunState = (typeof runStates)[number];
export type TaskState = (typeof taskStates)[number];
export type AttemptState = (typeof attemptStates)[number];
export type WorkerState = (typeof workerStates)[number];

/** The state of a worker that speaks: what it may get is for its health and steadiness to say, and for those who drain it. */
export function stateOnline(
  { draining, quarantined, heldUntilMs }: { draining: boolean; quarantined: boolean; heldUntilMs: number | null },
  nowMs: number,
): Exclude<WorkerState, "suspect" | "lost" | "left"> {
  if (draining) return "draining";
  if (quarantined) return "quarantined";
  return (heldUntilMs ?? 0) > nowMs ? "flapping" : "ready";
}

/** Tasks of a run by what became of them. `failed`: the test said no; `error`: it could not be found out. */
export const taskCounts = z.strictObject({
  total: z.int(),
  waiting: z.int().describe("blocked or queued"),
  running: z.int().describe("leased or running"),
  completed: z.int(),
  failed: z.int(),
  error: z.int(),
  cancelled: z.int(),
  skipped: z.int(),
});
export type TaskCounts = z.infer<typeof taskCounts>;

export const runView = z.strictObject({
  run_id: identifier,
  name: identifier,
  state: z.enum(runStates),
  submitted_by: z.string(),
  create_time: time,
  end_time: time.nullable(),
  counts: taskCounts,
});
export type RunView = z.infer<typeof runView>;

export const taskView = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  type: z.enum(taskTypes),
  priority: z.int(),
  status: z.enum(taskStates),
  failure_class: z.string().nullable(),
  attempts: z.int(),
  worker_id: z.string().nullable(),
  create_time: time,
  start_time: time.nullable(),
  end_time: time.nullable(),
  spec: taskSpec,
});
export type TaskView = z.infer<typeof taskView>;

export const attemptView = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  attempt: z.int(),
  worker_id: identifier,
  lease_seq: z.int(),
  status: z.enum(attemptStates),
  hardware: z.string().nullable(),
  lease_time: time,
  start_time: time.nullable(),
  end_time: time.nullable(),
  execution_time_seconds: z.number().nullable(),
  failure: failure.nullable(),
});
export type AttemptView = z.infer<typeof attemptView>;

export const quarantine = z.strictObject({
  reason: z.string(),
  by: z
    .string()
    .nullable()
    .describe("Who asked for it; null when the scheduler did, which releases it after a good check"),
  since: time,
});
export type QuarantineView = z.infer<typeof quarantine>;

export const workerView = z.strictObject({
  worker_id: identifier,
  name: z.string(),
  hostname: z.string(),
  status: z.enum(workerStates),
  registration_time: time,
  last_heartbeat: time.nullable(),
  slots: z.int(),
  capabilities: capabilityDocument,
  hardware_metrics: z.record(z.string(), z.number()).nullable(),
  tags: z.record(z.string(), z.string()),
  quarantine: quarantine.nullable().describe("Why it gets health checks only"),
  held_until: time.nullable().describe("It connected again and again: no new work until then"),
});
export type WorkerView = z.infer<typeof workerView>;

export const resultView = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  attempt: z.int(),
  worker_id: identifier,
  status: z.string(),
  model: z.string().nullable(),
  precision: z.string().nullable(),
  backend: z.string().nullable().describe("What its task asked for, or else the worker chose"),
  observed_backend: z.string().nullable().describe("What ran most of the model"),
  hardware: z.string().nullable(),
  device: z.string().nullable().describe("What the runtime says it computes on"),
  execution_time_seconds: z.number(),
  end_time: time,
  hardware_metrics: hardwareMetrics,
  results: z.record(z.string(), z.json()),
  provenance: provenance.nullable(),
  failure: failure.nullable(),
  partial: z.boolean().describe("The attempt was ended before its own end"),
  isolation: isolation.nullable(),
  recovery: z.array(recoveryStep),
});
export type ResultView = z.infer<typeof resultView>;

export const artifactView = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  attempt: z.int(),
  name: z.string(),
  sha256: z.string(),
  size_bytes: z.int(),
  content_type: z.string(),
});
export type ArtifactView = z.infer<typeof artifactView>;

/** What became of a test in one attempt of its task. */
export const testView = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  attempt: z.int(),
  worker_id: identifier,
  machine_class: z.string().nullable(),
  framework: frameworkName,
  directory: z.string(),
  workspace: z.string().nullable().describe("The digest of the files that it ran on; null for a folder in place"),
  test_id: z.string(),
  file: z.string().nullable(),
  outcome: z.enum(testOutcomes),
  duration_seconds: z.number(),
  retries: z.int().describe("Tries before this one within the attempt, all of which did not pass"),
  muted: z.boolean(),
  message: z.string().nullable(),
  output: z.string().nullable(),
  libraries: z.record(z.string(), z.enum(libraryStates)).nullable(),
  end_time: time,
});
export type TestView = z.infer<typeof testView>;

/** What earlier runs say of a test. */
export const knownTest = z.strictObject({
  test_id: z.string(),
  expected_seconds: z
    .number()
    .nullable()
    .describe("The median over the classes of machines; null when it never passed"),
  last_outcome: z.enum(testOutcomes),
  last_count: z.int().describe("How often it ran lately: up to 10 times"),
  last_failures: z.int().describe("How often it failed of these"),
  flaky_probability: z.number(),
  evidence: z
    .strictObject({
      passes: z.int(),
      failures: z.int().describe("Tries that failed on a code on which it passed too, retries counted"),
      codes: z.int().describe("Codes on which it passed"),
      differing_codes: z.int().describe("Codes on which it passed and failed"),
      passes_after_retries: z.int(),
    })
    .describe("Of the last 50 times that it ran"),
});
export type KnownTest = z.infer<typeof knownTest>;

/** One page of a list. `next_cursor` is null on the last page; a cursor is opaque. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });
export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/** Why a task waits, or what it is doing. */
export const explanation = z.strictObject({
  run_id: identifier,
  task_id: identifier,
  state: z.enum(taskStates),
  summary: z.string(),
  waiting_for: z.array(z.string()).describe("Unfinished tasks it depends on"),
  not_before: time.nullable().describe("Retries wait until then"),
  ahead: z.int().nullable().describe("Tasks that the same workers take first"),
  expected_start: time
    .nullable()
    .describe("From the expected durations of what runs and waits; null when they are unknown"),
  would_preempt: z
    .strictObject({ run_id: identifier, task_id: identifier, worker_id: identifier, priority: z.int() })
    .nullable()
    .describe("The attempt that would have to make room for it, or does so now"),
  claimed: z.array(z.string()).describe("Workers kept free until it can start"),
  workers: z.array(z.strictObject({ worker_id: identifier, fits: z.boolean(), reasons: z.array(z.string()) })),
});
export type Explanation = z.infer<typeof explanation>;
