import { z } from "zod";
import { isolationLevels } from "./limits.ts";
import { DEFAULT_POOL, hardware, identifier, labels, taskTypes } from "./task.ts";

/** A way to run models that the worker tried: available only when a session was created and its output was right. */
export const runtimeCapability = z.strictObject({
  runtime: z.string().max(100).describe("e.g. onnxruntime-node"),
  backend: z.string().max(100).describe("What runs the model and its execution provider, e.g. ort-node/cpu"),
  hardware,
  device: z.string().max(300).optional().describe("What the runtime says it computes on"),
  version: z.string().max(100).optional(),
  available: z.boolean(),
  detail: z.string().max(2_000).describe("The evidence, or why it is not available"),
});
export type RuntimeCapability = z.infer<typeof runtimeCapability>;

export const gpuCapability = z.strictObject({
  index: z.int().min(0),
  vendor: z.string(),
  name: z.string(),
  uuid: z.string().optional(),
  memory_gb: z.number().min(0).max(1_000_000).optional(),
  driver: z.string().optional(),
  cuda_compute: z.number().min(0).max(1_000).optional(),
});
export type GpuCapability = z.infer<typeof gpuCapability>;

/** What an hour of a machine costs, as its operator says. Currencies are not converted. */
export const hourlyPrice = z.strictObject({
  amount: z.number().min(0).max(1_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/, "must be three capital letters, like USD"),
});
export type HourlyPrice = z.infer<typeof hourlyPrice>;

const MAX_SOFTWARE = 2_000;

/** What a worker measured about itself. */
export const capabilityDocument = z.strictObject({
  hostname: z.string().max(255),
  os: z.strictObject({ platform: z.string(), release: z.string(), arch: z.string(), name: z.string().optional() }),
  cpu: z.strictObject({
    model: z.string(),
    cores: z.number().positive().max(100_000).describe("Usable cores: the container's limit counts"),
    threads: z.int().min(1).max(100_000),
  }),
  memory_gb: z.number().min(0).max(1_000_000).describe("Usable memory: the container's limit counts"),
  disk_free_gb: z.number().min(0).max(1e9),
  container: z.string().optional().describe("docker, kubernetes, … when inside one"),
  gpus: z.array(gpuCapability).max(1_000).default([]),
  hardware: z.array(hardware).max(100).describe("Platforms proven by running something on them"),
  runtimes: z.array(runtimeCapability).max(200).default([]),
  software: z
    .record(z.string().max(200), z.string().max(200))
    .refine((record) => Object.keys(record).length <= MAX_SOFTWARE, `must name at most ${MAX_SOFTWARE} programs`)
    .default({})
    .describe("Name to version"),
  task_types: z.array(z.enum(taskTypes)).max(100),
  isolation: z
    .array(z.enum(isolationLevels))
    .max(isolationLevels.length)
    .optional()
    .describe("How attempts can be kept apart, proven by doing it; absent: only as process groups"),
  labels: labels.default({}),
  pools: z.array(identifier).min(1).max(32).default([DEFAULT_POOL]).describe("Pools whose runs it takes work from"),
  price_per_hour: hourlyPrice.optional().describe("What an hour of the machine costs, as its operator says"),
});
export type CapabilityDocument = z.infer<typeof capabilityDocument>;

export const workerLoad = z.strictObject({
  cpu_percent: z.number().min(0),
  memory_used_gb: z.number().min(0),
  running: z.int().min(0),
});
export type WorkerLoad = z.infer<typeof workerLoad>;

export const workerName = identifier;

/** Machines alike: what durations and failures are compared by. */
export function machineClassOf({ cpu, gpus }: Pick<CapabilityDocument, "cpu" | "gpus">): string {
  return [`${cpu.model} ${cpu.cores}`, ...gpus.map(({ name }) => name)].join(" + ");
}
