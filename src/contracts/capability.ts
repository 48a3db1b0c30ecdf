import { z } from "zod";
import { hardware, identifier, labels, taskTypes } from "./task.ts";

/** A way to run models that the worker tried: available only when a session was created and its output was right. */
export const runtimeCapability = z.strictObject({
  runtime: z.string().max(100).describe("e.g. onnxruntime-node"),
  backend: z.string().max(100).describe("e.g. cpu, wasm, cuda"),
  hardware,
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
  memory_gb: z.number().optional(),
  driver: z.string().optional(),
  cuda_compute: z.number().optional(),
});
export type GpuCapability = z.infer<typeof gpuCapability>;

/** What a worker measured about itself. */
export const capabilityDocument = z.strictObject({
  hostname: z.string().max(255),
  os: z.strictObject({ platform: z.string(), release: z.string(), arch: z.string(), name: z.string().optional() }),
  cpu: z.strictObject({
    model: z.string(),
    cores: z.number().describe("Usable cores: the container's limit counts"),
    threads: z.int(),
  }),
  memory_gb: z.number().describe("Usable memory: the container's limit counts"),
  disk_free_gb: z.number(),
  container: z.string().optional().describe("docker, kubernetes, … when inside one"),
  gpus: z.array(gpuCapability).default([]),
  hardware: z.array(hardware).describe("Platforms proven by running something on them"),
  runtimes: z.array(runtimeCapability).default([]),
  software: z.record(z.string(), z.string()).default({}).describe("Name to version"),
  task_types: z.array(z.enum(taskTypes)),
  labels: labels.default({}),
});
export type CapabilityDocument = z.infer<typeof capabilityDocument>;

export const workerLoad = z.strictObject({
  cpu_percent: z.number().min(0),
  memory_used_gb: z.number().min(0),
  running: z.int().min(0),
});
export type WorkerLoad = z.infer<typeof workerLoad>;

export const workerName = identifier;
