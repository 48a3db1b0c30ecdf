import type { LatencySummary } from "../../stats/index.ts";
import type { Architecture, ModelFolder, Precision } from "../../models/index.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { PowerUse } from "../../platform/index.ts";
import type { Placement } from "./backends/placement.ts";
import type { Noise, NoiseReason } from "./machine-noise.ts";
import type { ModelFailure } from "./model-failure.ts";
import type { OutputCheck } from "./output-check.ts";

/** What a run is asked to do: one model on one backend. */
export interface ModelRunRequest {
  /** Catalogue id, alias, hub id or path of a folder. */
  readonly model: string;
  /** Where generated and downloaded models are kept. */
  readonly cacheDir: string;
  readonly precision: Precision;
  readonly backend: BackendName;
  /** Threads that one operator may use; default: all cores natively, one in WebAssembly. */
  readonly threads?: number;
  readonly batchSizes: readonly number[];
  /** Of the very first inference; default: the first of `batchSizes`. */
  readonly firstBatchSize?: number;
  /** Least number of timed iterations per batch size. */
  readonly iterations: number;
  /** Least timed duration per batch size; both this and `iterations` must be reached. */
  readonly minDurationMs: number;
  readonly warmupIterations: number;
  /** How often a batch size is measured again while the machine is noisy, and how much time all of that may take at most; default: never. */
  readonly measureAgain?: { readonly atMost: number; readonly withinMs: number };
  /** Leaves out what one process can tell for all: generation, and who runs the nodes. */
  readonly measuresOnly?: boolean;
  /** Tokens per text; without meaning for images. */
  readonly sequenceLength: number;
  /** Largest allowed absolute difference from the reference; default: by precision. */
  readonly tolerance?: number;
  /** Seed of the inputs and of the choice of iterations that are checked. */
  readonly seed: number;
}

/** What is known once the model is loaded and has answered once. */
export interface LoadReport {
  readonly model: Pick<ModelFolder, "id" | "family" | "sha256" | "parameterCount" | "precision" | "source"> & {
    readonly architecture: Architecture;
  };
  readonly backend: {
    readonly requested: BackendName;
    readonly runtime: string;
    readonly runtimeVersion: string;
    /** What executed the program, e.g. `Node 24.21.0` or `Chrome 153.0.8010.0`. */
    readonly engine: string;
    /** What the runtime says it computes on; `null` where it says nothing. */
    readonly device: string | null;
    readonly threads: number;
  };
  /** Time from the start of the process, or the browser, to its first line of work: what one of its own costs. */
  readonly processStartMs: number;
  /** Time to make a session from the file. */
  readonly loadMs: number;
  /** Time of the very first inference, at the first batch size: cold caches, compilation of shaders. */
  readonly firstInferenceMs: number;
}

/** One time through the timed loop; there are several where the machine was noisy. */
export interface RoundReport extends Noise {
  readonly count: number;
  readonly p50Ms: number;
  /** The part of all cores that the processes that run the model used, 0 to 1; `null` as above. */
  readonly ownLoad: number | null;
  /** What the machine drew during the timed iterations. `null` where nobody watches: the process that starts the run adds it. */
  readonly power: PowerUse | null;
  /** `null`: quiet enough. */
  readonly noise: NoiseReason | null;
  /** Whether the figures of the batch size are this round's. */
  readonly chosen: boolean;
}

export interface BatchReport {
  readonly batchSize: number;
  readonly warmupIterations: number;
  /** Every timed iteration in order, in milliseconds; of an earlier attempt's measurement only some are left. */
  readonly samplesMs: readonly number[];
  /** Of every timed iteration. */
  readonly latencyMs: LatencySummary;
  readonly throughputItemsPerSecond: number;
  /** Largest memory of the processes that ran the model while this batch size ran; `null` where that is not known. */
  readonly peakMemoryBytes: number | null;
  /** In order, the one that counts included. */
  readonly rounds: readonly RoundReport[];
  readonly check: OutputCheck;
  /** Outputs of randomly chosen timed iterations, compared in full with the checked output. */
  readonly recheck: { readonly iterations: number; readonly maxAbsError: number };
}

/** Greedy text generation by a decoder, batch 1. */
export interface GenerationReport {
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Whether generation with the cache gave the same tokens as without. */
  readonly cacheMatches: boolean;
  /** Time to the first token: one run over the prompt. */
  readonly ttftMs: LatencySummary;
  /** Time per further token: one run over one token. */
  readonly tpotMs: LatencySummary;
  readonly tokensPerSecond: number;
}

export type MemorySource = "vm_hwm_reset" | "vm_hwm" | "max_rss" | "browser_private" | "not_known";

export interface ModelRunReport {
  readonly load: LoadReport;
  readonly batches: readonly BatchReport[];
  /** `null` for models that do not generate. */
  readonly generation: GenerationReport | null;
  /** Who ran the nodes; `null` where the runtime has one provider only. */
  readonly placement: Placement | null;
  readonly memory: {
    /** Largest memory of the processes that ran the model; `null` where that is not known. */
    readonly peakBytes: number | null;
    /** How the peak was read; see `peak-memory.ts`. */
    readonly source: MemorySource;
  };
}

export type ModelRunProgress =
  | { readonly stage: "started"; readonly pid: number }
  /** Leads a process group of its own, where there are groups. */
  | { readonly stage: "browser_started"; readonly pid: number }
  | { readonly stage: "first_inference"; readonly batchSize: number }
  | { readonly stage: "loaded"; readonly load: LoadReport }
  | { readonly stage: "batch_started"; readonly batchSize: number }
  /** Around the timed iterations of each round. */
  | { readonly stage: "timing_started"; readonly batchSize: number }
  | { readonly stage: "timing_ended"; readonly batchSize: number }
  | { readonly stage: "batch_finished"; readonly batch: BatchReport };

/** From the driver to its child. */
export type ParentMessage =
  /** Load the runtime of this backend: a run on it is likely to follow. */
  | { readonly type: "prepare"; readonly backend: BackendName }
  /** `folder`: for temporary files, of this run alone. */
  | { readonly type: "run"; readonly request: ModelRunRequest; readonly folder: string }
  | { readonly type: "cancel" };

/** What ends a run. */
export type FinalMessage =
  | { readonly type: "completed"; readonly report: ModelRunReport }
  | { readonly type: "failed"; readonly failure: ModelFailure }
  | { readonly type: "cancelled" };

/** From the child, or its page, to the driver. */
export type ChildMessage = { readonly type: "progress"; readonly progress: ModelRunProgress } | FinalMessage;
