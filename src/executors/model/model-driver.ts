import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorMessage } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import type { ChildMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyDeath } from "./model-failure.ts";
import { NEVER_BEGUN, notBegun, RunRecord } from "./model-run.ts";
import type { ModelRunOutcome, RunWatch } from "./model-run.ts";
import { startRunner } from "./runner-pool.ts";
import type { RunnerPool } from "./runner-pool.ts";

/** Time for a cancelled child to end by itself; a native call may hold it for long. */
const CANCEL_GRACE_MS = 1_000;

export interface ModelRunOptions extends RunWatch {
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Where processes come from; without it each is started anew. */
  readonly runners?: Pick<RunnerPool, "take">;
  /** How many processes the kernel has killed for want of memory; only its growth means something. */
  readonly oomKills?: () => number | undefined;
}

/** A browser that was killed may still be writing its profile for a moment. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };

/**
 * Runs a model in a child process of its own, so that a runtime that crashes, hangs or eats the memory takes nothing else with it. Never
 * rejects for what goes wrong in the child: that is an outcome. When it resolves, the child is gone, and so are its browser and whatever
 * either wrote into the folder for temporary files.
 */
export async function runModel(request: ModelRunRequest, options: ModelRunOptions): Promise<ModelRunOutcome> {
  let folder: string;
  try {
    folder = await mkdtemp(join(options.env["TMPDIR"] ?? tmpdir(), "assay-run-"));
  } catch (error) {
    const message = `No folder for temporary files: ${errorMessage(error)}. Set TMPDIR to one that can be written.`;
    return notBegun({ class: "setup", message });
  }
  try {
    if (options.signal?.aborted === true) return NEVER_BEGUN;
    return await new ModelChild({ type: "run", request, folder }, options).outcome;
  } finally {
    // What cannot be removed is no reason to lose a measurement.
    await rm(folder, REMOVAL).catch(() => undefined);
  }
}

/** One child process from its start to its end. */
class ModelChild {
  readonly outcome: Promise<ModelRunOutcome>;
  private readonly options: ModelRunOptions;
  private readonly child: ChildProcess;
  private readonly settle: (outcome: ModelRunOutcome) => void;
  private readonly record: RunRecord;
  private readonly oomKillsBefore: number;
  private grace: Timer | undefined;

  constructor(order: Extract<ParentMessage, { type: "run" }>, options: ModelRunOptions) {
    this.options = options;
    this.record = new RunRecord(options);
    this.oomKillsBefore = options.oomKills?.() ?? 0;
    const { promise, resolve } = Promise.withResolvers<ModelRunOutcome>();
    this.outcome = promise;
    this.settle = resolve;
    this.child = options.runners?.take(options.env) ?? startRunner(options.env);
    this.listen();
    if (this.child.pid !== undefined) options.onProgress?.({ stage: "started", pid: this.child.pid });
    this.post(order);
  }

  private listen(): void {
    const { child, record } = this;
    child.on("message", (message) => record.receive(message as ChildMessage));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => record.write(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => record.write(text));
    // "close" comes after "exit" and the end of both streams; after a failed spawn there is only "error".
    child.on("close", (exitCode, signal) => this.end(exitCode, signal));
    child.on("error", (error) => {
      record.write(error.message);
      if (child.pid === undefined) this.end(null, null);
    });
    this.options.signal?.addEventListener("abort", this.cancel, { once: true });
  }

  private post(message: ParentMessage): void {
    // A child that died meanwhile is told by "close".
    this.child.send(message, () => undefined);
  }

  /** Asks first, so that the runtime can close its device, and the child its browser. */
  private readonly cancel = (): void => {
    if (this.child.connected) this.post({ type: "cancel" });
    this.grace = this.options.clock.setTimer(CANCEL_GRACE_MS, () => void this.child.kill("SIGKILL"));
  };

  private end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.options.signal?.removeEventListener("abort", this.cancel);
    this.grace?.cancel();
    // A child that had the last word has closed its browser.
    const { browserPid, isOver } = this.record;
    if (!isOver && browserPid !== undefined) killGroup(browserPid);
    this.settle(
      this.record.conclude(() => {
        const oomKill = (this.options.oomKills?.() ?? 0) > this.oomKillsBefore;
        return classifyDeath({ exitCode, signal, log: this.record.log, oomKill });
      }),
    );
  }
}

/** Ends a process and, where there are groups, those of the group that it leads. */
function killGroup(pid: number): void {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
