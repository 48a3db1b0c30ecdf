import type { Clock } from "../../base/index.ts";
import type { ModelFolder, ReferenceModel } from "../../models/index.ts";
import type { Backend } from "./backends/backend.ts";
import type { MemorySource, ModelRunProgress, ModelRunRequest } from "./messages.ts";

/** A model that can be loaded where the run takes place. */
export interface OpenModel {
  /** Its files are what the host's backends take: paths in a process, addresses in a page. */
  readonly model: ModelFolder;
  readonly reference: ReferenceModel | undefined;
}

/** Reads the largest resident memory of the processes that run the model. */
export interface PeakMemory {
  readonly source: MemorySource;
  /** Forgets earlier peaks, where the system can. */
  reset(): Promise<void>;
  /** `null`: not known. */
  peakBytes(): Promise<number | null>;
}

/** The largest of those that are known. */
export function largestPeak(peaks: readonly (number | null)[]): number | null {
  const known = peaks.filter((bytes) => bytes !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** What was used of all cores in a span of time, 0 to 1 each; null: too short a time, or not to be seen from there. */
export interface CpuUse {
  /** By the processes that run the model. */
  readonly own: number | null;
  /** By all other programs. */
  readonly others: number | null;
}

/** What a run needs of the place where it runs: a process of Node, or a page of a browser. */
export interface InferenceHost {
  readonly clock: Clock;
  /** From the start of the process, or of the browser, until now. */
  readonly startedMs: number;
  /** What executes the program, with its version. */
  readonly engine: string;
  readonly memory: PeakMemory;
  openModel(request: ModelRunRequest, signal: AbortSignal): Promise<OpenModel>;
  loadBackend(request: ModelRunRequest): Promise<Backend>;
  /** What is used of the processor from now until it is asked. */
  watchCpu(): Promise<() => Promise<CpuUse>>;
  /** Frees garbage, so that neither peaks nor iterations pay for what came before. */
  collectGarbage(): void;
  /** Lets messages in between two iterations. */
  yieldToMessages(): Promise<void>;
  /** Resolves after a while; rejects when the signal fires meanwhile. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** What a run tells and obeys. */
export interface RunControl {
  readonly signal: AbortSignal;
  readonly progress: (progress: ModelRunProgress) => void;
}
