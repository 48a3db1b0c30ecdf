import { z } from "zod";
import { apiConfig } from "./api-check.ts";
import { hardwareConfig } from "./hardware-check.ts";
import { limits } from "./limits.ts";
import { suiteConfig } from "./tests.ts";

/** Letters, digits and `. _ : / @ + -`; short enough for URLs, file names and SQL keys. */
export const identifier = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/@+\-[\]=,]*$/,
    "must start with a letter or digit and hold only letters, digits and . _ : / @ + - [ ] = ,",
  );

/** Where runs go and workers belong that name no pool. */
export const DEFAULT_POOL = "default";

/** More labels than this on one task or worker are a mistake or an attack: each is compared at every match. */
export const MAX_LABELS = 64;
const labelName = z.string().min(1).max(63);
const labelValue = z.string().max(255);
const notTooMany = (record: object): boolean => Object.keys(record).length <= MAX_LABELS;
const tooMany = `must hold at most ${MAX_LABELS} labels`;

export const labels = z.record(labelName, labelValue).refine(notTooMany, tooMany);
export type Labels = z.infer<typeof labels>;

/** What a label must be: this text, one of these, there at all (true), or not there (null). */
export const labelSelectors = z
  .record(labelName, z.union([labelValue, z.array(labelValue).min(1).max(64), z.literal(true), z.null()]))
  .refine(notTooMany, tooMany);
export type LabelSelectors = z.infer<typeof labelSelectors>;

export const taskTypes = ["model", "benchmark", "hardware", "api", "command", "suite", "browser"] as const;
export type TaskType = (typeof taskTypes)[number];

/** Hardware platforms a worker can prove by running something on them. */
export const hardwarePlatforms = [
  "cpu",
  "wasm",
  "cuda",
  "rocm",
  "mps",
  "coreml",
  "dml",
  "openvino",
  "qnn",
  "xpu",
  "tpu",
  "webgpu",
  "webnn",
] as const;
export const hardware = z.enum(hardwarePlatforms);
export type Hardware = z.infer<typeof hardware>;

const MAX_MEMORY_GB = 1_000_000;
const platforms = z.array(hardware).min(1).max(hardwarePlatforms.length);

export const requirements = z.strictObject({
  hardware: platforms.optional().describe("Any of these platforms, the preferred one first"),
  backend: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("A way to run models that the worker proved, e.g. ort-node/cpu or chromium/webgpu"),
  min_memory_gb: z.number().positive().max(MAX_MEMORY_GB).optional(),
  min_cuda_compute: z.number().positive().max(1_000).optional().describe("CUDA compute capability, e.g. 7.5"),
  labels: labelSelectors
    .optional()
    .describe("Labels of the worker: a value, a list of which one must match, true for any value, null for none"),
  software: z
    .array(z.string().min(1).max(200))
    .max(64)
    .optional()
    .describe("Software the worker must have, e.g. torch>=2.4"),
});
export type Requirements = z.infer<typeof requirements>;

export const retryPolicy = z.strictObject({
  max_retries: z.int().min(0).max(100).default(2),
  retry_delay_seconds: z.number().min(0).max(86_400).default(1).describe("Base of the exponential back-off"),
});
export type RetryPolicy = z.infer<typeof retryPolicy>;

/** What is set aside for an attempt while it holds its lease. */
export const resources = z
  .strictObject({
    cpu: z.number().positive().max(100_000).optional().describe("Cores"),
    memory_gb: z.number().positive().max(MAX_MEMORY_GB).optional(),
    gpu: z.int().min(0).max(1_000).optional().describe("Whole GPUs, for this attempt alone"),
    gpu_memory_gb: z
      .number()
      .positive()
      .max(MAX_MEMORY_GB)
      .optional()
      .describe("With gpu: memory that each must have; without: a part of the memory of one GPU, shared with others"),
    exclusive: z
      .boolean()
      .optional()
      .describe("Nothing else runs on the machine meanwhile; benchmarks are exclusive unless this is false"),
    locks: z
      .array(identifier)
      .max(16)
      .optional()
      .describe("Names of which each is held by one attempt at a time, over all workers"),
  })
  .refine(({ gpu, gpu_memory_gb }) => gpu !== 0 || gpu_memory_gb === undefined, {
    path: ["gpu_memory_gb"],
    message: "contradicts gpu: 0",
  })
  .refine(({ locks = [] }) => new Set(locks).size === locks.length, { path: ["locks"], message: "names a lock twice" });
export type Resources = z.infer<typeof resources>;

/** Platforms that are taken too, once the task has waited for so long. */
export const fallback = z
  .array(z.strictObject({ hardware: platforms, after_seconds: z.number().min(0).max(604_800).default(0) }))
  .max(8)
  .refine((sets) => sets.every((set, index) => set.after_seconds >= (sets[index - 1]?.after_seconds ?? 0)), {
    message: "must be in the order of after_seconds",
  });

/** When a task may start once another has ended: it completed, it failed, or whatever became of it. */
export const dependencyConditions = ["success", "failure", "always"] as const;
export type DependencyCondition = (typeof dependencyConditions)[number];
export const dependency = z.union([
  identifier,
  z.strictObject({ task: identifier, condition: z.enum(dependencyConditions).default("success") }),
]);
export type Dependency = z.infer<typeof dependency>;

/** The task that a dependency names. */
export function dependencyTask(one: Dependency): string {
  return typeof one === "string" ? one : one.task;
}

/** Whether the end of a task is what a dependent waited for. A failure is a task that ran and failed, not one that never ran. */
export function isConditionMet(
  condition: DependencyCondition,
  end: "completed" | "failed" | "cancelled" | "skipped",
): boolean {
  switch (condition) {
    case "success":
      return end === "completed";
    case "failure":
      return end === "failed";
    case "always":
      return true;
  }
}

export function dependencyCondition(one: Dependency): DependencyCondition {
  return typeof one === "string" ? "success" : one.condition;
}

const commandConfig = z.strictObject({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe("A shell line, or a program with its arguments"),
  env: z.record(z.string(), z.string()).default({}).describe("Added to the allowed environment of the worker"),
  cwd: z.string().optional().describe("Working folder; default: a new folder for the attempt"),
  artifacts: z.array(z.string()).default([]).describe("Files to keep, as patterns relative to the working folder"),
});
export type CommandConfig = z.infer<typeof commandConfig>;

export const precisions = ["fp32", "fp16", "bf16", "int8", "q4"] as const;

/** Of a batch, whatever a task asks for. */
export const MAX_BATCH_SIZE = 65_536;

const modelConfig = z.strictObject({
  model: z.string().min(1).describe("Catalogue name, alias, folder or hub id"),
  batch_sizes: z.array(z.int().min(1).max(MAX_BATCH_SIZE)).min(1).default([1]),
  max_batch_size: z
    .int()
    .min(1)
    .max(MAX_BATCH_SIZE)
    .optional()
    .describe(
      "Look for the best and the largest batch size up to this: sizes double until one does not fit in memory, then halve the gap",
    ),
  precision: z.enum(precisions).default("fp32"),
  iterations: z.int().min(1).max(1_000_000).default(10).describe("Least number of timed iterations per batch size"),
  min_duration_seconds: z.number().min(0).max(3600).default(0).describe("Least timed duration per batch size"),
  launches: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe(
      "Processes that measure, one after the other, each its part of the iterations; default 1, for benchmarks 3",
    ),
  warmup_iterations: z.int().min(0).max(10_000).default(3),
  sequence_length: z.int().min(1).max(1_048_576).optional(),
  tolerance: z.number().positive().optional().describe("Largest allowed absolute difference from the reference"),
  seed: z.int().min(0).default(0),
});
export type ModelConfig = z.infer<typeof modelConfig>;

/** Kinds of task whose executors define their own settings. */
const freeConfig = z.record(z.string(), z.json());

/** A task may wait for so many others. */
export const MAX_DEPENDENCIES = 20_000;

const common = {
  task_id: identifier,
  priority: z.int().min(0).max(100).default(50).describe("0 to 100; higher runs earlier"),
  requirements: requirements.default({}),
  timeout_seconds: z.number().positive().max(604_800).default(1800),
  retry_policy: retryPolicy.prefault({}),
  depends_on: z
    .array(dependency)
    .max(MAX_DEPENDENCIES)
    .default([])
    .describe("Tasks of the run that must have completed; or { task, condition: success | failure | always }"),
  labels: labels.default({}),
  resources: resources.default({}),
  fallback: fallback.default([]).describe("Other platforms, in order, each from a waiting time on"),
  group: identifier
    .optional()
    .describe("Tasks of a run with the same group start together, each on a worker of its own, or not at all"),
  preemptible: z
    .boolean()
    .optional()
    .describe("Whether work of much higher priority may take its place; default true, benchmarks are never preempted"),
  hedge: z
    .boolean()
    .optional()
    .describe(
      "Whether a second attempt may run beside one that takes much longer than expected; the first result counts",
    ),
};

/** A task as people write it. Unknown fields are refused. */
export const taskSpec = z.discriminatedUnion("type", [
  z.strictObject({
    ...common,
    type: z.literal("command"),
    config: commandConfig,
    // Only what runs as a process of its own can be kept to them.
    limits: limits.optional().describe("What an attempt may use at most; one that takes more is ended"),
  }),
  z.strictObject({ ...common, type: z.literal("model"), config: modelConfig }),
  z.strictObject({ ...common, type: z.literal("benchmark"), config: modelConfig }),
  z.strictObject({ ...common, type: z.literal("hardware"), config: hardwareConfig.prefault({}) }),
  z.strictObject({ ...common, type: z.literal("api"), config: apiConfig }),
  z.strictObject({ ...common, type: z.literal("suite"), config: suiteConfig }),
  z.strictObject({ ...common, type: z.literal("browser"), config: freeConfig.default({}) }),
]);
export type TaskSpec = z.infer<typeof taskSpec>;
export type TaskSpecInput = z.input<typeof taskSpec>;
export type TaskSpecOf<Type extends TaskType> = Extract<TaskSpec, { type: Type }>;

/** The model that a task runs; null for a task that runs none. */
export function modelOf({ type, config }: { type: TaskType; config: object }): string | null {
  return type === "model" || type === "benchmark" ? (config as ModelConfig).model : null;
}

/** The numbers that a task's model computes with; null for a task that runs none. */
export function precisionOf({ type, config }: { type: TaskType; config: object }): ModelConfig["precision"] | null {
  return type === "model" || type === "benchmark" ? (config as ModelConfig).precision : null;
}

/**
 * The batch sizes that a task asks for; where it searches, also the powers of two up to the largest that the search is for, and that,
 * smallest first.
 */
export function batchSizesOf({ batch_sizes: asked, max_batch_size: searchTo }: ModelConfig): number[] {
  if (searchTo === undefined) return [...new Set(asked)];
  const doubled = Array.from({ length: Math.floor(Math.log2(searchTo)) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...asked, ...doubled, searchTo])].toSorted((a, b) => a - b);
}

/** Fewer give no interval of the median. */
const BENCHMARK_LAUNCHES = 3;

/** How many processes measure a task's model. */
export function launchesOf({ type, config }: TaskSpecOf<"model"> | TaskSpecOf<"benchmark">): number {
  return config.launches ?? (type === "benchmark" ? BENCHMARK_LAUNCHES : 1);
}

/** Whether a task runs only in a sandbox. */
export function wantsSandbox(
  task: Pick<TaskSpecOf<"command">, "type" | "limits"> | { type: Exclude<TaskType, "command"> },
): boolean {
  return task.type === "command" && task.limits?.sandbox === true;
}

/** A task travels in one frame, beside others: larger ones carry data that belongs into a file. */
export const MAX_TASK_BYTES = 256 * 1024;
export const MAX_TASK_DEPTH = 24;
