import { z } from "zod";

/** Letters, digits and `. _ : / @ + -`; short enough for URLs, file names and SQL keys. */
export const identifier = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/@+\-[\]=,]*$/,
    "must start with a letter or digit and hold only letters, digits and . _ : / @ + - [ ] = ,",
  );

export const labels = z.record(z.string().min(1).max(63), z.string().max(255));
export type Labels = z.infer<typeof labels>;

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

export const requirements = z.strictObject({
  hardware: z.array(hardware).min(1).optional().describe("Any of these platforms, the preferred one first"),
  min_memory_gb: z.number().positive().optional(),
  min_cuda_compute: z.number().positive().optional().describe("CUDA compute capability, e.g. 7.5"),
  labels: labels.optional().describe("Labels that the worker must carry"),
  software: z.array(z.string().min(1)).optional().describe("Software the worker must have, e.g. torch>=2.4"),
});
export type Requirements = z.infer<typeof requirements>;

export const retryPolicy = z.strictObject({
  max_retries: z.int().min(0).max(100).default(2),
  retry_delay_seconds: z.number().min(0).max(86_400).default(1).describe("Base of the exponential back-off"),
});
export type RetryPolicy = z.infer<typeof retryPolicy>;

export const resources = z.strictObject({
  cpu: z.number().positive().optional(),
  memory_gb: z.number().positive().optional(),
  gpu: z.int().min(0).optional(),
  exclusive: z.boolean().optional().describe("Nothing else runs on the machine meanwhile"),
});

export const fallback = z.array(
  z.strictObject({ hardware: z.array(hardware).min(1), after_seconds: z.number().min(0).default(0) }),
);

const commandConfig = z.strictObject({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe("A shell line, or a program with its arguments"),
  env: z.record(z.string(), z.string()).default({}).describe("Added to the allowed environment of the worker"),
  cwd: z.string().optional().describe("Working folder; default: a new folder for the attempt"),
  artifacts: z.array(z.string()).default([]).describe("Files to keep, as patterns relative to the working folder"),
});
export type CommandConfig = z.infer<typeof commandConfig>;

const modelConfig = z.strictObject({
  model: z.string().min(1).describe("Catalogue name, alias, folder or hub id"),
  batch_sizes: z.array(z.int().min(1).max(65_536)).min(1).default([1]),
  precision: z.enum(["fp32", "fp16", "bf16", "int8", "q4"]).default("fp32"),
  iterations: z.int().min(1).max(1_000_000).default(10).describe("Least number of timed iterations per batch size"),
  min_duration_seconds: z.number().min(0).max(3600).default(0).describe("Least timed duration per batch size"),
  warmup_iterations: z.int().min(0).max(10_000).default(3),
  sequence_length: z.int().min(1).max(1_048_576).optional(),
  tolerance: z.number().positive().optional().describe("Largest allowed absolute difference from the reference"),
  seed: z.int().min(0).default(0),
});
export type ModelConfig = z.infer<typeof modelConfig>;

/** Kinds of task whose executors define their own settings. */
const freeConfig = z.record(z.string(), z.json());

const common = {
  task_id: identifier,
  priority: z.int().min(0).max(100).default(50).describe("0 to 100; higher runs earlier"),
  requirements: requirements.default({}),
  timeout_seconds: z.number().positive().max(604_800).default(1800),
  retry_policy: retryPolicy.prefault({}),
  depends_on: z.array(identifier).default([]),
  labels: labels.default({}),
  resources: resources.default({}),
  fallback: fallback.default([]),
};

/** A task as people write it. Unknown fields are refused. */
export const taskSpec = z.discriminatedUnion("type", [
  z.strictObject({ ...common, type: z.literal("command"), config: commandConfig }),
  z.strictObject({ ...common, type: z.literal("model"), config: modelConfig }),
  z.strictObject({ ...common, type: z.literal("benchmark"), config: modelConfig }),
  z.strictObject({ ...common, type: z.literal("hardware"), config: freeConfig.default({}) }),
  z.strictObject({ ...common, type: z.literal("api"), config: freeConfig.default({}) }),
  z.strictObject({ ...common, type: z.literal("suite"), config: freeConfig.default({}) }),
  z.strictObject({ ...common, type: z.literal("browser"), config: freeConfig.default({}) }),
]);
export type TaskSpec = z.infer<typeof taskSpec>;
export type TaskSpecInput = z.input<typeof taskSpec>;
export type TaskSpecOf<Type extends TaskType> = Extract<TaskSpec, { type: Type }>;

/** The same task as short as it can be written: without what the schema fills in again. For the wire. */
export function shortTask(spec: TaskSpec): TaskSpecInput {
  const { type, config, ...fields } = spec;
  const shortConfig = type === "command" ? withoutDefaults(config, commandDefaults) : config;
  return { ...withoutDefaults(fields, commonDefaults), type, config: shortConfig } as TaskSpecInput;
}

const commonDefaults: Readonly<Record<string, string>> = {
  priority: "50",
  requirements: "{}",
  timeout_seconds: "1800",
  retry_policy: '{"max_retries":2,"retry_delay_seconds":1}',
  depends_on: "[]",
  labels: "{}",
  resources: "{}",
  fallback: "[]",
};
const commandDefaults: Readonly<Record<string, string>> = { env: "{}", artifacts: "[]" };

function withoutDefaults(fields: object, defaults: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => !(name in defaults) || JSON.stringify(value) !== defaults[name]),
  );
}

/** A task travels in one frame, beside others: larger ones carry data that belongs into a file. */
export const MAX_TASK_BYTES = 256 * 1024;
export const MAX_TASK_DEPTH = 24;
