import { join } from "node:path";
import { assert } from "../../base/index.ts";
import type { CommandConfig, GpuCapability, TaskSpec } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import { prepareFolders } from "./attempt-folders.ts";
import { attemptLimits } from "../attempt-limits.ts";
import { CarriedProgress } from "./carried-progress.ts";
import { CheckpointFolder } from "./checkpoint-folder.ts";
import type { CommandAttempt } from "./command-attempt.ts";
import type { Supervised } from "./command-report.ts";
import { conclude, notStarted, withoutSandbox } from "./command-report.ts";
import type { ConfinementAbilities } from "../confinement.ts";
import { Confinement } from "../confinement.ts";
import { installedSoftware } from "./installed-software.ts";
import { groupLimitNames, LimitWatch } from "../limit-watch.ts";
import { LiveOutput } from "./live-output.ts";
import { ProcessTree } from "../process-tree.ts";
import { ProgressFile } from "./progress-file.ts";
import { PROBE_TIMEOUT_MS, runHelper } from "../run-helper.ts";
import { probeSandbox } from "../sandbox.ts";
import type { Ended } from "./start-command.ts";
import { startCommand } from "./start-command.ts";

const DEFAULT_KILL_GRACE_MS = 10_000;
const GROUP_LIMITS = Object.keys(groupLimitNames).length;

export interface CommandExecutorOptions {
  platform: Platform;
  /** Between SIGTERM and SIGKILL; default 10 s. */
  killGraceMs?: number;
}

/**
 * Runs tasks of type `command`: a shell line or a program with arguments, in a process group of its own, with its output in
 * files. Whatever way an attempt ends, no process of it is left.
 */
export class CommandExecutor implements Executor {
  readonly types = ["command"] as const;
  private readonly platform: Platform;
  private readonly killGraceMs: number;
  private gpus: readonly GpuCapability[] = [];
  private abilities: ConfinementAbilities = { groups: false, sandbox: false };

  constructor(options: CommandExecutorOptions) {
    this.platform = options.platform;
    this.killGraceMs = options.killGraceMs ?? DEFAULT_KILL_GRACE_MS;
  }

  async capabilities(context: ProbeContext): Promise<ExecutorCapabilities> {
    this.gpus = context.facts.gpus;
    const shell = await runHelper(["/bin/sh", "-c", "exit 0"], { env: {}, timeoutMs: PROBE_TIMEOUT_MS });
    const kept = this.platform.controlGroups?.probe() ?? [];
    this.abilities = { groups: kept.length > 0, sandbox: await probeSandbox(context) };
    return {
      hardware: shell.exitCode === 0 ? ["cpu"] : [],
      runtimes: [],
      software: await installedSoftware(context.env),
      isolation: [
        "process",
        // A level counts only when the kernel keeps to all that a task may ask of it.
        ...(kept.length === GROUP_LIMITS ? (["cgroup"] as const) : []),
        ...(this.abilities.sandbox ? (["sandbox"] as const) : []),
      ],
    };
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "command", `a command executor was given a ${spec.type} task`);
    const limits = attemptLimits(spec.limits);
    // The scheduler knows, too; but nothing runs outside of a sandbox that was to run in one.
    if (limits.sandbox && !this.abilities.sandbox) return withoutSandbox;
    const folders = await prepareFolders(spec.config, context.workDir);
    if (!folders.ok) return { status: "failed", failure: folders.error };
    await using closing = new AsyncDisposableStack();
    const output = closing.adopt(await LiveOutput.create(folders.value.output, context), (it) => it.close());
    const carried = new CarriedProgress(context);
    const progress = closing.adopt(await ProgressFile.create(folders.value.progress, context, carried), (it) =>
      it.close({ report: false }),
    );
    const place = { folder: folders.value.checkpoint, archive: join(context.workDir, "checkpoint.tar") };
    const checkpoint = closing.adopt(await CheckpointFolder.create(place, context, carried), (it) =>
      it.close({ store: false }),
    );
    // Here, since a checkpoint may take long to fetch.
    const reason = abortReason(context.signal);
    if (reason !== undefined) return interruptedReport(reason);
    const report = await this.run(spec.config, { context, folders: folders.value, output, limits });
    const unfinished = report.status !== "completed";
    await progress.close({ report: unfinished });
    await checkpoint.close({ store: unfinished });
    const summary = checkpoint.summary();
    return summary === undefined ? report : { ...report, results: { ...report.results, checkpoint: summary } };
  }

  private async run(config: CommandConfig, attempt: CommandAttempt): Promise<ExecutionReport> {
    const { context, folders, limits } = attempt;
    const { workDir, cacheDir, env } = context;
    const places = { cwd: folders.cwd, workDir, cacheDir, home: env["HOME"] };
    const confinement = new Confinement({ limits, abilities: this.abilities, platform: this.platform, ...places });
    try {
      return await this.runConfined(config, attempt, confinement);
    } finally {
      await confinement.remove(context.clock);
    }
  }

  private async runConfined(
    config: CommandConfig,
    attempt: CommandAttempt,
    confinement: Confinement,
  ): Promise<ExecutionReport> {
    const { context, folders, output, limits } = attempt;
    const { clock } = context;
    const inspector = this.platform.processes;
    const { group } = confinement;
    const oomKillsBefore = inspector.oomKills() ?? 0;
    const startedMs = clock.monotonicMs();
    const watch = new LimitWatch({
      limits,
      group,
      inspector,
      folders: [folders.files, folders.output, folders.checkpoint],
      outputBytes: () => output.sizeBytes(),
      clock,
    });
    const started = await startCommand(config, attempt, { gpus: this.gpus, prefix: confinement.prefix });
    if (!started.ok) return notStarted(started.error);
    const { pid, exited } = started.value;
    const tree = new ProcessTree({ pid, workDir: folders.files, inspector, clock, group });
    const exit = await this.supervise(exited, { tree, attempt, watch });
    const oomKills = (inspector.oomKills() ?? 0) - oomKillsBefore;
    return conclude(config, attempt, {
      exit,
      pid,
      durationSeconds: (clock.monotonicMs() - startedMs) / 1000,
      oomKill: (group?.oomKills() ?? 0) > 0 ? "own" : oomKills > 0 ? "shared" : "none",
      isolation: confinement.report(watch.enforced, watch.exceeded),
      exceeded: watch.exceeded,
    });
  }

  /** Waits for the end of the command, brings it about when the attempt is to stop, and clears away what the command left. */
  private async supervise(
    exited: Promise<Ended>,
    { tree, attempt, watch }: { tree: ProcessTree; attempt: CommandAttempt; watch: LimitWatch },
  ): Promise<Supervised> {
    const { signal } = attempt.context;
    let ending: Promise<void> | undefined;
    let told = false;
    const stop = (): void => {
      if (ending === undefined) told = true;
      ending ??= tree.end(this.killGraceMs);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    attempt.output.follow(() => tree.peakMemoryBytes());
    // What takes too much is given no time to take more.
    watch.start(tree, () => {
      ending ??= tree.kill();
    });
    try {
      const exit = await exited;
      tree.markRootEnded();
      // Decided here: a stop that comes after the command has ended changes nothing.
      const interrupted = told;
      await (ending ?? tree.clear());
      return { ...exit, interrupted };
    } finally {
      signal.removeEventListener("abort", stop);
      await watch.close();
    }
  }
}
