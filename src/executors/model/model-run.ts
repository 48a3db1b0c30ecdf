import type { ChildMessage, FinalMessage, ModelRunProgress, ModelRunReport, ModelRunRequest } from "./messages.ts";
import type { ModelFailure } from "./model-failure.ts";

/** What became of a model run. `log` is the end of what it wrote to its output. */
export type ModelRunOutcome = { readonly log: string } & (
  | { readonly status: "completed"; readonly report: ModelRunReport }
  | {
      readonly status: "failed";
      readonly failure: ModelFailure;
      /** The batch size that was being run; `null` outside of one. */
      readonly batchSize: number | null;
    }
  | { readonly status: "cancelled" }
);

/** What is watched of a run, and what stops it: the only limit on its time. */
export interface RunWatch {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ModelRunProgress) => void;
  readonly onOutput?: (text: string) => void;
}

/** Runs a model where it can take nothing else with it. Never rejects: what goes wrong is an outcome. */
export type RunModel = (request: ModelRunRequest, watch: RunWatch) => Promise<ModelRunOutcome>;

const LOG_TAIL_CHARACTERS = 16 * 1024;

/** Stopped before it began. */
export const NEVER_BEGUN: ModelRunOutcome = { status: "cancelled", log: "" };

/** What prevented it from beginning. */
export function notBegun(failure: ModelFailure): ModelRunOutcome {
  return { status: "failed", failure, batchSize: null, log: "" };
}

/** Where a run is, by what it has told so far, and what that makes of it once it has ended. What it measured is told to its watch. */
export class RunRecord {
  log = "";
  /** The leader of the process group of the browser that the run takes place in. */
  browserPid: number | undefined;
  private readonly watch: RunWatch;
  private batchSize: number | null = null;
  private last: FinalMessage | undefined;

  constructor(watch: RunWatch) {
    this.watch = watch;
  }

  receive(message: ChildMessage): void {
    if (message.type !== "progress") {
      this.last = message;
      return;
    }
    const { progress } = message;
    if (progress.stage === "browser_started") this.browserPid = progress.pid;
    this.batchSize = "batchSize" in progress ? progress.batchSize : null;
    this.watch.onProgress?.(progress);
  }

  /** Whether it has said how it ended. */
  get isOver(): boolean {
    return this.last !== undefined;
  }

  write(text: string): void {
    this.log = (this.log + text).slice(-LOG_TAIL_CHARACTERS);
    this.watch.onOutput?.(text);
  }

  /** `death`: why it ended, should it have done so without a word. */
  conclude(death: () => ModelFailure): ModelRunOutcome {
    const { log, last, batchSize } = this;
    if (last?.type === "completed") return { log, status: "completed", report: last.report };
    if (this.watch.signal?.aborted === true) return { log, status: "cancelled" };
    const failure = last?.type === "failed" ? last.failure : death();
    return { log, status: "failed", batchSize, failure };
  }
}
