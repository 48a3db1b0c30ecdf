import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { siblingModule } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import type { BatchReport, ChildMessage, LoadReport, ModelRunProgress } from "./messages.ts";
import type { ModelRunReport, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyDeath } from "./model-failure.ts";
import type { ModelFailure } from "./model-failure.ts";

/** What was measured before a run failed or was cancelled. */
export interface PartialReport {
  readonly load: LoadReport | null;
  readonly batches: readonly BatchReport[];
}

interface FailedRun {
  readonly status: "failed";
  readonly failure: ModelFailure;
  /** The batch size that was being run; `null` outside of one. */
  readonly batchSize: number | null;
  readonly partial: PartialReport;
}

/** What became of a model run. `log` is the end of what the child wrote to its output streams. */
export type ModelRunOutcome = { readonly log: string } & (
  | { readonly status: "completed"; readonly report: ModelRunReport }
  | FailedRun
  | { readonly status: "cancelled"; readonly partial: PartialReport }
);

export interface ModelRunOptions {
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How many processes the kernel has killed for want of memory; only its growth means something. */
  readonly oomKills?: () => number | undefined;
  /** Stops the run; the only limit on its time. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ModelRunProgress) => void;
  readonly onOutput?: (text: string) => void;
}

/** Time for a cancelled child to end by itself; a native call may hold it for long. */
const CANCEL_GRACE_MS = 1_000;

const LOG_TAIL_CHARACTERS = 16 * 1024;

/**
 * Runs a model in a child process of its own, so that a runtime that crashes, hangs or eats the memory takes nothing else with it. Never
 * rejects for what goes wrong in the child: that is an outcome. When it resolves, the child is gone.
 */
export function runModel(request: ModelRunRequest, options: ModelRunOptions): Promise<ModelRunOutcome> {
  if (options.signal?.aborted === true) {
    return Promise.resolve({ status: "cancelled", partial: { load: null, batches: [] }, log: "" });
  }
  return new ModelChild(request, options).outcome;
}

/** One child process from its start to its end. */
class ModelChild {
  readonly outcome: Promise<ModelRunOutcome>;
  private readonly options: ModelRunOptions;
  private readonly child: ChildProcess;
  private readonly settle: (outcome: ModelRunOutcome) => void;
  private readonly batches: BatchReport[] = [];
  private readonly oomKillsBefore: number;
  private load: LoadReport | null = null;
  private batchSize: number | null = null;
  private last: Exclude<ChildMessage, { type: "progress" }> | undefined;
  private log = "";
  private grace: Timer | undefined;

  constructor(request: ModelRunRequest, options: ModelRunOptions) {
    this.options = options;
    this.oomKillsBefore = options.oomKills?.() ?? 0;
    const { promise, resolve } = Promise.withResolvers<ModelRunOutcome>();
    this.outcome = promise;
    this.settle = resolve;
    // "advanced" keeps Infinity and NaN, which JSON turns into null.
    this.child = fork(siblingModule(import.meta.url, "./runner"), {
      env: options.env,
      execArgv: ["--expose-gc"],
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.listen();
    this.post({ type: "run", request });
  }

  private listen(): void {
    const { child } = this;
    child.on("message", (message) => this.receive(message as ChildMessage));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.write(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.write(text));
    child.on("spawn", () => this.options.onProgress?.({ stage: "started", pid: child.pid ?? 0 }));
    // "close" comes after "exit" and the end of both streams; after a failed spawn there is only "error".
    child.on("close", (exitCode, signal) => this.end(exitCode, signal));
    child.on("error", (error) => {
      this.write(error.message);
      if (child.pid === undefined) this.end(null, null);
    });
    this.options.signal?.addEventListener("abort", this.cancel, { once: true });
  }

  private post(message: ParentMessage): void {
    // A child that died meanwhile is told by "close".
    this.child.send(message, () => undefined);
  }

  private receive(message: ChildMessage): void {
    if (message.type !== "progress") {
      this.last = message;
      return;
    }
    const { progress } = message;
    if (progress.stage === "loaded") this.load = progress.load;
    if (progress.stage === "batch_finished") this.batches.push(progress.batch);
    this.batchSize = "batchSize" in progress ? progress.batchSize : null;
    this.options.onProgress?.(progress);
  }

  private write(text: string): void {
    this.log = (this.log + text).slice(-LOG_TAIL_CHARACTERS);
    this.options.onOutput?.(text);
  }

  /** Asks first, so that the runtime can close its device; what the runner started ends with it, so one kill is enough. */
  private readonly cancel = (): void => {
    if (this.child.connected) this.post({ type: "cancel" });
    this.grace = this.options.clock.setTimer(CANCEL_GRACE_MS, () => void this.child.kill("SIGKILL"));
  };

  private end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.options.signal?.removeEventListener("abort", this.cancel);
    this.grace?.cancel();
    this.settle({ log: this.log, ...this.conclude(exitCode, signal) });
  }

  private conclude(exitCode: number | null, signal: NodeJS.Signals | null): OutcomeWithoutLog {
    const partial = { load: this.load, batches: this.batches };
    if (this.last?.type === "completed") return { status: "completed", report: this.last.report };
    if (this.options.signal?.aborted === true) return { status: "cancelled", partial };
    const failed = { status: "failed", batchSize: this.batchSize, partial } as const;
    if (this.last?.type === "failed") return { ...failed, failure: this.last.failure };
    const oomKill = (this.options.oomKills?.() ?? 0) > this.oomKillsBefore;
    return { ...failed, failure: classifyDeath({ exitCode, signal, log: this.log, oomKill }) };
  }
}

type OutcomeWithoutLog =
  | { readonly status: "completed"; readonly report: ModelRunReport }
  | FailedRun
  | { readonly status: "cancelled"; readonly partial: PartialReport };
