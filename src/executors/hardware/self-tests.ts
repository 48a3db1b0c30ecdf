import { mkdir } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../base/index.ts";
import type { Failure, HardwareConfig, HardwareMeasure } from "../../contracts/index.ts";
import type { PlatformFacts } from "../../platform/index.ts";
import { summarizeLatency } from "../../stats/index.ts";
import type { ExecutionContext } from "../executor.ts";
import { latencyResults } from "../latency.ts";
import { DiskTest } from "./disk-test.ts";
import { gpuHealth } from "./gpu-health.ts";
import { inThreads } from "./self-test-threads.ts";

/** What one check found. */
export interface CheckReport {
  measures: Partial<Record<HardwareMeasure, number>>;
  details: JsonObject;
  /** The hardware computed, kept or returned something wrong, or the check could not be made. */
  failure?: Failure;
}

export interface SelfTestOptions {
  config: HardwareConfig;
  facts: PlatformFacts;
  context: ExecutionContext;
}

/** A fixed piece of integer and of floating-point work, on one core and on all. */
export async function cpuCheck({ config, facts, context: { signal } }: SelfTestOptions): Promise<CheckReport> {
  const cores = Math.max(1, Math.floor(facts.cpu.usableCores));
  const seconds = config.seconds / 4;
  const measures: CheckReport["measures"] = {};
  let blocks = 0;
  let wrong = 0;
  for (const [test, unit] of [
    ["integer", "mops"],
    ["float", "mflops"],
  ] as const) {
    for (const [name, count] of [
      ["single", 1],
      ["all", cores],
    ] as const) {
      const rates = await inThreads({ test, seconds }, { count, signal });
      measures[`cpu_${name}_${unit}`] = sum(rates.map(({ mops }) => mops));
      blocks += sum(rates.map((rate) => rate.blocks));
      wrong += sum(rates.map(({ wrongBlocks }) => wrongBlocks));
    }
  }
  const details = { model: facts.cpu.model, cores, blocks, wrong_blocks: wrong };
  const message = `cpu: ${wrong} of ${blocks} blocks of fixed work had a wrong checksum: the processor does not compute right`;
  return { measures, details, ...(wrong === 0 ? {} : { failure: saysNo("cpu_wrong_result", message) }) };
}

/** Patterns that are read back, and copies. */
export async function memoryCheck({ config, facts, context: { signal } }: SelfTestOptions): Promise<CheckReport> {
  const { memory_mb: memoryMb, seconds } = config;
  const freeMb = Math.min(freemem(), facts.memory.usableBytes) / 1e6;
  if (memoryMb > freeMb) {
    return impossible("too_little_memory", `memory: ${memoryMb} MB are to be filled, ${freeMb.toFixed(0)} MB are free`);
  }
  const [report] = await inThreads({ test: "memory", memoryMb, seconds }, { count: 1, signal });
  if (report === undefined) return impossible("no_answer", "memory: the test gave no answer");
  const { testedMb, patterns, wrongBits: wrong, copyMbPerSecond } = report;
  const message = `memory: ${wrong} bits were wrong after ${patterns} patterns over ${testedMb.toFixed(0)} MB`;
  return {
    measures: { memory_copy_mb_per_second: copyMbPerSecond },
    details: { tested_mb: testedMb, patterns, wrong_bits: wrong },
    ...(wrong === 0 ? {} : { failure: saysNo("memory_wrong_bits", message) }),
  };
}

/** Writes to the folder of the attempt, reads it back, and asks how long it takes until something is safe. */
export async function diskCheck({ config, facts, context }: SelfTestOptions): Promise<CheckReport> {
  const { disk_mb: diskMb, seconds } = config;
  const freeMb = facts.diskFreeBytes / 1e6;
  if (diskMb > freeMb / 2) {
    return impossible("too_little_disk", `disk: ${diskMb} MB may be written, only ${freeMb.toFixed(0)} MB are free`);
  }
  await mkdir(context.workDir, { recursive: true });
  const { clock, signal } = context;
  const test = new DiskTest(join(context.workDir, "disk-test"), {
    seconds: seconds / 2,
    chunks: diskMb,
    clock,
    signal,
  });
  const writeRate = await test.write();
  const { mbPerSecond, wrongChunks } = await test.read();
  const fsync = summarizeLatency(await test.syncsMs());
  const message = `disk: ${wrongChunks} of ${test.writtenMb} MB came back different from what was written`;
  return {
    measures: {
      disk_write_mb_per_second: writeRate,
      disk_read_mb_per_second: mbPerSecond,
      disk_fsync_ms_p50: fsync.p50,
      ...(fsync.p99 === null ? {} : { disk_fsync_ms_p99: fsync.p99 }),
    },
    details: { written_mb: test.writtenMb, wrong_mb: wrongChunks, fsync_ms: latencyResults(fsync) },
    ...(wrongChunks === 0 ? {} : { failure: saysNo("disk_wrong_data", message) }),
  };
}

/** What the driver says of the GPUs. Whether they compute right is for tasks of type `model`. */
export async function gpuCheck({ config, context }: SelfTestOptions): Promise<CheckReport> {
  const found = await gpuHealth(context.env, context.signal);
  if (found.length === 0) {
    const message = "gpu: there is no NVIDIA GPU, or no nvidia-smi that sees it";
    // Asked for by name it must be there.
    return config.checks === undefined ? { measures: {}, details: { there: false } } : impossible("no_gpu", message);
  }
  const temperatures = found.flatMap(({ temperatureCelsius }) => temperatureCelsius ?? []);
  const bad = found.filter(({ uncorrectedEccErrors }) => (uncorrectedEccErrors ?? 0) > 0);
  const message = bad.map(
    (gpu) => `gpu: ${gpu.name} ${gpu.index} has ${gpu.uncorrectedEccErrors} uncorrected ECC errors`,
  );
  return {
    measures: {
      gpus: found.length,
      gpu_throttled: found.filter(({ throttledBy }) => throttledBy.length > 0).length,
      ...(temperatures.length === 0 ? {} : { gpu_temperature_celsius: Math.max(...temperatures) }),
    },
    details: {
      there: true,
      gpus: found.map((gpu) => ({
        index: gpu.index,
        name: gpu.name,
        uuid: gpu.uuid,
        driver: gpu.driver,
        temperature_celsius: gpu.temperatureCelsius,
        uncorrected_ecc_errors: gpu.uncorrectedEccErrors,
        throttled_by: gpu.throttledBy,
      })),
    },
    ...(bad.length === 0 ? {} : { failure: saysNo("gpu_ecc_errors", message.join("; ")) }),
  };
}

function saysNo(reason: string, message: string): Failure {
  return { class: "assertion", reason, message };
}

function impossible(reason: string, message: string): CheckReport {
  return { measures: {}, details: {}, failure: { class: "setup", reason, message } };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
