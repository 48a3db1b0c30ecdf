import { z } from "zod";
import { MAX_PAYLOAD_CHARACTERS } from "../../contracts/index.ts";
import type { BatchReport, LoadReport, ModelRunRequest } from "./messages.ts";

/** What must be the same for figures of an earlier attempt to stand beside new ones. */
export type MeasuredUnder = Readonly<Record<string, string | number | null>>;

/** Batch sizes that an earlier attempt finished, and what is known only once the model is loaded. */
export interface Checkpoint {
  /** Of the model's ONNX file. */
  readonly sha256: string;
  /** With its version and that of Node. */
  readonly runtime: string;
  readonly batches: readonly BatchReport[];
}

/** What there is to go on from: nothing, a checkpoint that fits, or one that does not. */
export type Resumption =
  | { readonly kind: "none" }
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly kind: "ignored"; readonly reason: string };

const count = z.int().min(0);
const maybe = z.number().nullable();
const batch: z.ZodType<BatchReport> = z.strictObject({
  batchSize: z.int().positive(),
  warmupIterations: count,
  samplesMs: z.array(z.number()),
  latencyMs: z.strictObject({
    count,
    min: z.number(),
    max: z.number(),
    mean: z.number(),
    standardDeviation: maybe,
    p50: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: maybe,
    p90Supported: z.boolean(),
    p95Supported: z.boolean(),
  }),
  throughputItemsPerSecond: z.number(),
  peakMemoryBytes: maybe,
  rounds: z.array(
    z.strictObject({
      count,
      p50Ms: z.number(),
      spread: maybe,
      othersLoad: maybe,
      ownLoad: maybe,
      power: z
        .strictObject({
          cpuWatts: maybe,
          gpu: z.strictObject({ watts: maybe, utilizationPercent: maybe, memoryBytes: maybe }).nullable(),
        })
        .nullable(),
      noise: z.enum(["noisy_timing", "busy_machine"]).nullable(),
      chosen: z.boolean(),
    }),
  ),
  check: z.strictObject({
    reference: z.enum(["float64", "none"]),
    outputName: z.string(),
    samplesCompared: count,
    maxAbsError: maybe,
    cosine: maybe,
    tolerance: z.number(),
  }),
  recheck: z.strictObject({ iterations: count, maxAbsError: z.number() }),
});
const document = z.strictObject({
  version: z.literal(2),
  under: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  sha256: z.string(),
  runtime: z.string(),
  batches: z.array(batch),
});

/** Raw iterations kept for each batch size, as many as there is room for. */
const KEPT_SAMPLES = [100, 20, 0];

/** The settings and the machine that figures depend on. */
export function measuredUnder(request: ModelRunRequest, machine: string): MeasuredUnder {
  return {
    model: request.model,
    precision: request.precision,
    backend: request.backend,
    machine,
    threads: request.threads ?? null,
    iterations: request.iterations,
    min_duration_ms: request.minDurationMs,
    warmup_iterations: request.warmupIterations,
    sequence_length: request.sequenceLength,
    tolerance: request.tolerance ?? null,
    seed: request.seed,
  };
}

/** The payload for the next attempt, at most 8,192 characters: batch sizes that do not fit are left out, and will be measured again. */
export function writeCheckpoint(under: MeasuredUnder, { batches, ...of }: Checkpoint): string {
  const text = (kept: readonly BatchReport[], samples: number): string =>
    JSON.stringify({ version: 2, under, ...of, batches: kept.map((one) => thinned(one, samples)) });
  for (const samples of KEPT_SAMPLES) {
    const payload = text(batches, samples);
    if (payload.length <= MAX_PAYLOAD_CHARACTERS) return payload;
  }
  return batches.length === 0 ? "" : writeCheckpoint(under, { ...of, batches: batches.slice(0, -1) });
}

/** Reads what an earlier attempt left. Its figures are of use only if they were measured in the same way on such a machine. */
export function readCheckpoint(payload: string | null, under: MeasuredUnder): Resumption {
  if (payload === null) return { kind: "none" };
  const read = document.safeParse(parsed(payload));
  if (!read.success)
    return { kind: "ignored", reason: "what the earlier attempt left is not a checkpoint of this version" };
  const { under: before, sha256, runtime, batches } = read.data;
  const other = Object.keys(under).filter((name) => before[name] !== under[name]);
  return other.length === 0
    ? { kind: "checkpoint", checkpoint: { sha256, runtime, batches } }
    : { kind: "ignored", reason: ranWithAnother(other) };
}

/** What a checkpoint says of the model and the runtime that are loaded. */
export function identityOf({ model, backend }: LoadReport): Pick<Checkpoint, "sha256" | "runtime"> {
  return {
    sha256: model.sha256,
    runtime: `${backend.runtime} ${backend.runtimeVersion}, ${backend.engine}`,
  };
}

/** Why a checkpoint is of no use for what was loaded; undefined when it is. */
export function mismatch(checkpoint: Checkpoint, load: LoadReport): string | undefined {
  const { sha256, runtime } = identityOf(load);
  const other = [
    ...(checkpoint.sha256 === sha256 ? [] : ["model file"]),
    ...(checkpoint.runtime === runtime ? [] : ["runtime"]),
  ];
  return other.length === 0 ? undefined : ranWithAnother(other);
}

function ranWithAnother(names: readonly string[]): string {
  return `the earlier attempt ran with another ${names.join(", ")}`;
}

function thinned(one: BatchReport, samples: number): BatchReport {
  if (samples === 0) return { ...one, samplesMs: [] };
  const step = Math.ceil(one.samplesMs.length / samples);
  const kept = one.samplesMs.filter((_, index) => index % step === 0);
  return { ...one, samplesMs: kept.map((ms) => Number(ms.toPrecision(4))) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
