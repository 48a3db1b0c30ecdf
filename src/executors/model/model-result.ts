import type { JsonObject } from "../../base/index.ts";
import type { Metric, ResultDocument } from "../../contracts/index.ts";
import { latencyMetrics, latencyResults } from "../latency.ts";
import type { Unmeasured } from "./model-attempt.ts";
import type { MeasuredBatch } from "./launches.ts";
import { useOf } from "./power-use.ts";
import type { GenerationReport, LoadReport, ModelRunReport, RoundReport } from "./messages.ts";

const BYTES_PER_MB = 1e6;

/** A whole or partial report. */
export interface ReportParts {
  readonly load: LoadReport | null;
  readonly batches: readonly MeasuredBatch[];
  readonly generation?: GenerationReport | null;
  readonly memory?: ModelRunReport["memory"];
  readonly unmeasured?: readonly Unmeasured[];
}

/** The `results` of a result document: by batch size, as documents have them. */
export function modelResults(parts: ReportParts): Record<string, JsonObject | string | number | null> {
  return {
    ...(parts.load === null ? {} : loadResults(parts.load)),
    batch_sizes: Object.fromEntries(parts.batches.map((batch) => [String(batch.batchSize), batchResults(batch)])),
    ...(parts.unmeasured === undefined || parts.unmeasured.length === 0
      ? {}
      : { unmeasured: Object.fromEntries(parts.unmeasured.map(({ batchSize, message }) => [batchSize, message])) }),
    ...(parts.generation === null || parts.generation === undefined
      ? {}
      : { generation: generationResults(parts.generation) }),
    ...(parts.memory === undefined
      ? {}
      : {
          memory: { ...megabytes("peak_mb", parts.memory.peakBytes), source: parts.memory.source },
        }),
  };
}

/** The same numbers as metrics with units, for comparison over time. Raw iterations stay in `results`. */
export function modelMetrics(parts: ReportParts): Metric[] {
  const { load, batches, generation, memory } = parts;
  return [
    ...(load === null
      ? []
      : [
          { name: "process_start_ms", value: load.processStartMs, unit: "ms" },
          { name: "load_ms", value: load.loadMs, unit: "ms" },
          { name: "first_inference_ms", value: load.firstInferenceMs, unit: "ms" },
        ]),
    ...batches.flatMap(batchMetrics),
    ...(generation === null || generation === undefined
      ? []
      : [
          ...latencyMetrics("ttft_ms", generation.ttftMs),
          ...latencyMetrics("tpot_ms", generation.tpotMs),
          { name: "tokens_per_second", value: generation.tokensPerSecond, unit: "tokens/s" },
        ]),
    ...memoryMetrics("peak_memory_mb", memory?.peakBytes ?? null),
  ];
}

/** The `hardware_metrics` of a result document. */
export function modelHardwareMetrics(parts: ReportParts): ResultDocument["hardware_metrics"] {
  const { cpuUtilizationPercent, gpuUtilizationPercent, powerW } = useOf(parts.batches);
  return {
    ...(cpuUtilizationPercent === null ? {} : { cpu_utilization_percent: cpuUtilizationPercent }),
    ...(gpuUtilizationPercent === null ? {} : { gpu_utilization_percent: gpuUtilizationPercent }),
    ...(powerW === null ? {} : { power_consumption_watts: powerW }),
    ...megabytes("memory_usage_mb", parts.memory?.peakBytes ?? null),
  };
}

function loadResults(load: LoadReport): Record<string, JsonObject | number> {
  const { model, backend } = load;
  return {
    model: {
      id: model.id,
      family: model.family,
      architecture: model.architecture,
      sha256: model.sha256,
      parameters: model.parameterCount,
      precision: model.precision,
      source: model.source,
    },
    runtime: {
      name: backend.runtime,
      version: backend.runtimeVersion,
      engine: backend.engine,
      device: backend.device,
      backend: backend.requested,
      threads: backend.threads,
    },
    process_start_ms: load.processStartMs,
    load_ms: load.loadMs,
    first_inference_ms: load.firstInferenceMs,
  };
}

/** Raw samples beyond this are left out of the document, evenly; the summary has all of them in it. */
const RAW_SAMPLES = 1_000;

function batchResults(batch: MeasuredBatch): JsonObject {
  const step = Math.ceil(batch.samplesMs.length / RAW_SAMPLES);
  return {
    latency_ms: batch.latencyMs.p50,
    throughput_items_per_second: batch.throughputItemsPerSecond,
    ...megabytes("memory_mb", batch.peakMemoryBytes),
    ...Object.fromEntries(useMetrics(batch).map(({ name, value }) => [name, value])),
    latency: latencyResults(batch.latencyMs),
    latency_interval_ms: batch.p50IntervalMs === null ? null : { ...batch.p50IntervalMs },
    launches: batch.launches.map(({ count, p50Ms, rounds }) => ({
      count,
      p50_ms: p50Ms,
      rounds: rounds.map(roundResults),
    })),
    outliers: batch.outliers,
    warmup_iterations: batch.warmupIterations,
    samples_ms: batch.samplesMs.filter((_, index) => index % step === 0),
    output_check: {
      reference: batch.check.reference,
      output: batch.check.outputName,
      samples_compared: batch.check.samplesCompared,
      max_abs_error: batch.check.maxAbsError,
      cosine: batch.check.cosine,
      tolerance: batch.check.tolerance,
      timed_iterations_rechecked: batch.recheck.iterations,
      timed_max_abs_difference: batch.recheck.maxAbsError,
    },
  };
}

function roundResults(round: RoundReport): JsonObject {
  const { count, p50Ms, spread, othersLoad, ownLoad, power, noise, chosen } = round;
  return {
    ...{ count, p50_ms: p50Ms, spread, others_load: othersLoad, own_load: ownLoad },
    ...(power && { cpu_power_w: power.cpuWatts, gpu_power_w: power.gpu?.watts ?? null }),
    ...{ noise, chosen },
  };
}

function generationResults(generation: GenerationReport): JsonObject {
  return {
    prompt_tokens: generation.promptTokens,
    new_tokens: generation.newTokens,
    cache_matches: generation.cacheMatches,
    ttft_ms: latencyResults(generation.ttftMs),
    tpot_ms: latencyResults(generation.tpotMs),
    tokens_per_second: generation.tokensPerSecond,
  };
}

function batchMetrics(batch: MeasuredBatch): Metric[] {
  const batch_size = batch.batchSize;
  return [
    ...latencyMetrics("latency_ms", batch.latencyMs).map((metric) => ({ ...metric, batch_size })),
    { name: "throughput_items_per_second", value: batch.throughputItemsPerSecond, unit: "items/s", batch_size },
    ...memoryMetrics("batch_peak_memory_mb", batch.peakMemoryBytes).map((metric) => ({ ...metric, batch_size })),
    { name: "iterations", value: batch.latencyMs.count, unit: "count", batch_size },
    ...useMetrics(batch).map((metric) => ({ ...metric, batch_size })),
    ...spreadMetrics(batch),
  ];
}

/** What of processors, GPUs and power is known. */
function useMetrics(batch: MeasuredBatch): Metric[] {
  const use = useOf([batch]);
  const { throughputItemsPerSecond: itemsPerSecond } = batch;
  const figures = [
    { name: "cpu_utilization_percent", value: use.cpuUtilizationPercent, unit: "%" },
    { name: "gpu_utilization_percent", value: use.gpuUtilizationPercent, unit: "%" },
    {
      name: "gpu_memory_mb",
      value: use.gpuMemoryBytes === null ? null : use.gpuMemoryBytes / BYTES_PER_MB,
      unit: "MB",
    },
    { name: "cpu_power_w", value: use.cpuPowerW, unit: "W" },
    { name: "gpu_power_w", value: use.gpuPowerW, unit: "W" },
    { name: "power_w", value: use.powerW, unit: "W" },
    { name: "energy_j_per_item", value: use.powerW === null ? null : use.powerW / itemsPerSecond, unit: "J/item" },
  ];
  return figures.flatMap(({ value, ...metric }) => (value === null ? [] : [{ ...metric, value }]));
}

/** Memory that is not known is left out: nothing needs 0 MB. */
function megabytes<Name extends string>(name: Name, bytes: number | null): { [name in Name]?: number } {
  return bytes === null ? {} : ({ [name]: bytes / BYTES_PER_MB } as { [name in Name]: number });
}

function memoryMetrics(name: string, bytes: number | null): Metric[] {
  return bytes === null ? [] : [{ name, value: bytes / BYTES_PER_MB, unit: "MB" }];
}

/** How much the iterations that count varied, as a part of their median: what changes have to be larger than. */
function spreadMetrics({ batchSize: batch_size, launches }: MeasuredBatch): Metric[] {
  const spreads = launches.flatMap(({ rounds }) =>
    rounds.flatMap(({ chosen, spread }) => (chosen && spread !== null ? [spread] : [])),
  );
  return spreads.length === 0
    ? []
    : [{ name: "latency_spread", value: Math.max(...spreads), unit: "ratio", batch_size }];
}
