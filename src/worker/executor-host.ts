import { AssayError, errorMessage } from "../base/index.ts";
import type { Clock, WorkerId } from "../base/index.ts";
import type { AssignItem, Failure, ResultDocument, TaskType } from "../contracts/index.ts";
import type { AbortReason, ExecutionReport, Executor } from "../executors/index.ts";
import { abortReason, interruptedReport } from "../executors/index.ts";
import type { ArtifactSink, ArtifactStore } from "./artifact-store.ts";
import { AttemptContext } from "./attempt-context.ts";
import type { AttemptFolders, LiveView } from "./attempt-context.ts";
import { failedResult, makeResult } from "./result-document.ts";
import type { AttemptEnd, AttemptRunner } from "./slots.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/**
 * An executor that has not settled so long after it was told to stop never will: its slot is taken from it. Long, because an
 * upload of what it wrote may still be under way.
 */
const UNRESPONSIVE_AFTER_MS = 300_000;

export interface ExecutorHostOptions {
  executors: readonly Executor[];
  workerId: WorkerId;
  folders: AttemptFolders;
  cacheDir: string;
  env: Readonly<Record<string, string | undefined>>;
  artifacts: ArtifactSink;
  blobs: ArtifactStore;
  live: LiveView;
  clock: Clock;
  logger: WorkerLogger;
}

/** Runs attempts with the executor of their type: time limit, folder, clean-up, result. */
export class ExecutorHost implements AttemptRunner {
  private readonly options: ExecutorHostOptions;
  private readonly executors = new Map<TaskType, Executor>();

  constructor(options: ExecutorHostOptions) {
    this.options = options;
    for (const executor of options.executors) for (const type of executor.types) this.executors.set(type, executor);
  }

  async run(item: AssignItem, controller: AbortController): Promise<AttemptEnd> {
    const { clock, workerId } = this.options;
    const startedMs = clock.monotonicMs();
    const context = this.contextFor(item, controller.signal);
    const limit = clock.setTimer(item.spec.timeout_seconds * 1000, () =>
      controller.abort("timeout" satisfies AbortReason),
    );
    const report = await this.execute(item, context);
    limit.cancel();
    const executionSeconds = (clock.monotonicMs() - startedMs) / 1000;
    context.end();
    if (context.folder !== undefined) await this.removeFolder(context.folder);
    const result = makeResult(report, { item, workerId, executionSeconds, artifacts: context.stored });
    return { result, payload: context.payload };
  }

  cancelled(item: AssignItem, reason: string): ResultDocument {
    const failure: Failure = { class: "cancelled", message: reason === "" ? "cancelled before it began" : reason };
    const facts = { item, workerId: this.options.workerId, executionSeconds: 0, artifacts: [] };
    return { ...failedResult(failure, facts), status: "cancelled" };
  }

  private contextFor(item: AssignItem, signal: AbortSignal): AttemptContext {
    const { folders, cacheDir, clock, env, artifacts, blobs, live } = this.options;
    return new AttemptContext({
      item,
      folders,
      cacheDir,
      signal,
      clock,
      env,
      artifacts,
      blobs,
      live,
    });
  }

  private async execute(item: AssignItem, context: AttemptContext): Promise<ExecutionReport> {
    const executor = this.executors.get(item.spec.type);
    if (executor === undefined) {
      const message = `this worker does not execute tasks of type ${item.spec.type}`;
      return { status: "failed", failure: { class: "setup", reason: "task_type", message } };
    }
    const stuck = this.stuck(item, context.signal);
    try {
      return await Promise.race([executor.execute(item.spec, context), stuck.report]);
    } catch (error) {
      // What an executor throws once it was told to stop comes of that.
      const reason = abortReason(context.signal);
      return reason === undefined ? { status: "failed", failure: thrownFailure(error) } : interruptedReport(reason);
    } finally {
      stuck.cancel();
    }
  }

  /** A report for an executor that ignores that it was told to stop. */
  private stuck(item: AssignItem, signal: AbortSignal): { report: Promise<ExecutionReport>; cancel: () => void } {
    const { clock, logger } = this.options;
    const { promise, resolve } = Promise.withResolvers<ExecutionReport>();
    let timer: { cancel(): void } | undefined;
    const arm = (): void => {
      timer = clock.setTimer(UNRESPONSIVE_AFTER_MS, () => {
        logger.error(
          { lease_seq: item.lease_seq, type: item.spec.type },
          "an executor does not stop; its slot is taken from it",
        );
        resolve(interruptedReport(abortReason(signal) ?? "cancelled"));
      });
    };
    signal.addEventListener("abort", arm, { once: true });
    const cancel = (): void => {
      signal.removeEventListener("abort", arm);
      timer?.cancel();
    };
    return { report: promise, cancel };
  }

  private async removeFolder(folder: string): Promise<void> {
    try {
      await this.options.folders.remove(folder);
    } catch (error) {
      // A later start clears what is left; the result must not suffer.
      this.options.logger.warn({ folder, err: errorMessage(error) }, "the folder of an attempt could not be removed");
    }
  }
}

/** An error with a code is something in the surroundings; anything else is a bug in the executor. */
function thrownFailure(error: unknown): Failure {
  if (error instanceof AssayError) {
    return { class: "setup", reason: error.code, message: `${error.message}. ${error.next}` };
  }
  return { class: "crash", reason: "executor_error", message: errorMessage(error) };
}
