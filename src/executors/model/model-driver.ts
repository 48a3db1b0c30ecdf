import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { siblingModule } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import type { ChildMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyDeath } from "./model-failure.ts";
import { NEVER_BEGUN, RunRecord } from "./model-run.ts";
import type { ModelRunOutcome, RunWatch } from "./model-run.ts";

/** Time for a cancelled child to end by itself; a native call may hold it for long. */
const CANCEL_GRACE_MS = 1_000;

export interface ModelRunOptions extends RunWatch {
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How many processes the kernel has killed for want of memory; only its growth means something. */
  readonly oomKills?: () => number | undefined;
}

/**
 * Runs a model in a child process of its own, so that a runtime that crashes, hangs or eats the memory takes nothing else with it. Never
 * rejects for what goes wrong in the child: that is an outcome. When it resolves, the child is gone.
 */
export function runModel(request: ModelRunRequest, options: ModelRunOptions): Promise<ModelRunOutcome> {
  if (options.signal?.aborted === true) return Promise.resolve(NEVER_BEGUN);
  return new ModelChild(request, options).outcome;
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

  constructor(request: ModelRunRequest, options: ModelRunOptions) {
    this.options = options;
    this.record = new RunRecord(options);
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
    const { child, record } = this;
    child.on("message", (message) => record.receive(message as ChildMessage));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => record.write(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => record.write(text));
    child.on("spawn", () => this.options.onProgress?.({ stage: "started", pid: child.pid ?? 0 }));
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

  /** Asks first, so that the runtime can close its device; the runner has no children of its own, so one kill is enough. */
  private readonly cancel = (): void => {
    if (this.child.connected) this.post({ type: "cancel" });
    this.grace = this.options.clock.setTimer(CANCEL_GRACE_MS, () => void this.child.kill("SIGKILL"));
  };

  private end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.options.signal?.removeEventListener("abort", this.cancel);
    this.grace?.cancel();
    this.settle(
      this.record.conclude(() => {
        const oomKill = (this.options.oomKills?.() ?? 0) > this.oomKillsBefore;
        return classifyDeath({ exitCode, signal, log: this.record.log, oomKill });
      }),
    );
  }
}
