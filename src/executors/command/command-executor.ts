import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Result } from "../../base/index.ts";
import { assert, err, errorCode, errorMessage, ok } from "../../base/index.ts";
import type { CommandConfig, GpuCapability, Isolation, LimitName, Metric, TaskSpec } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, cutShort, interruptedReport } from "../interruption.ts";
import type { AttemptFolders } from "./attempt-folders.ts";
import { prepareFolders } from "./attempt-folders.ts";
import type { AttemptLimits } from "./attempt-limits.ts";
import { attemptLimits, limitText } from "./attempt-limits.ts";
import { CarriedProgress } from "./carried-progress.ts";
import { CheckpointFolder } from "./checkpoint-folder.ts";
import type { ConfinementAbilities } from "./confinement.ts";
import { Confinement } from "./confinement.ts";
import { commandEnvironment } from "./environment.ts";
import type { CommandEnd } from "./failure-table.ts";
import { commandFailure, startFailure } from "./failure-table.ts";
import { findProgram } from "./find-program.ts";
import { installedSoftware } from "./installed-software.ts";
import type { MissingArtifact } from "./kept-files.ts";
import { keepFile, keepFiles } from "./kept-files.ts";
import { groupLimitNames, LimitWatch } from "./limit-watch.ts";
import { LiveOutput } from "./live-output.ts";
import { ProcessTree } from "./process-tree.ts";
import { ProgressFile } from "./progress-file.ts";
import { PROBE_TIMEOUT_MS, runHelper } from "./run-helper.ts";
import { probeSandbox } from "./sandbox.ts";

const DEFAULT_KILL_GRACE_MS = 10_000;
/** Kept in the report; all of it is in the artifacts. */
const TAIL_BYTES = 16 * 1024;
/** Runtimes write long traces after what they died of. */
const ERROR_TAIL_BYTES = 8 * 1024;
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

  private async run(config: CommandConfig, attempt: Attempt): Promise<ExecutionReport> {
    const { context, folders, limits } = attempt;
    const { workDir, cacheDir, env } = context;
    const places = { folders, workDir, cacheDir, home: env["HOME"] };
    const confinement = new Confinement({ limits, abilities: this.abilities, platform: this.platform, ...places });
    try {
      return await this.runConfined(config, attempt, confinement);
    } finally {
      await confinement.remove(context.clock);
    }
  }

  private async runConfined(
    config: CommandConfig,
    attempt: Attempt,
    confinement: Confinement,
  ): Promise<ExecutionReport> {
    const { context, folders, output, limits } = attempt;
    const { clock } = context;
    const inspector = this.platform.processes;
    const { group } = confinement;
    const oomKillsBefore = inspector.oomKills() ?? 0;
    const startedMs = clock.monotonicMs();
    const watch = new LimitWatch({ limits, group, inspector, folders, outputBytes: () => output.sizeBytes(), clock });
    const started = await start(config, attempt, { gpus: this.gpus, prefix: confinement.prefix });
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
    { tree, attempt, watch }: { tree: ProcessTree; attempt: Attempt; watch: LimitWatch },
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

interface Attempt {
  context: ExecutionContext;
  folders: AttemptFolders;
  output: LiveOutput;
  limits: AttemptLimits;
}

type Ended = Pick<CommandEnd, "exitCode" | "signal">;
/** `interrupted`: it ended because the attempt was told to stop. */
type Supervised = Ended & { interrupted: boolean };

const withoutSandbox: ExecutionReport = {
  status: "failed",
  failure: {
    class: "setup",
    reason: "no_sandbox",
    message: "the task asks for a sandbox, which this worker does not have",
  },
};

interface Observed {
  exit: Supervised;
  pid: number;
  durationSeconds: number;
  oomKill: CommandEnd["oomKill"];
  isolation: Isolation;
  exceeded: LimitName | undefined;
}

/** Keeps what the command made, and says what became of it. */
async function conclude(config: CommandConfig, attempt: Attempt, observed: Observed): Promise<ExecutionReport> {
  const { context, output, limits } = attempt;
  const { exit, exceeded, pid } = observed;
  if (exceeded === "output_mb") await output.limit(limits.outputBytes);
  const [outputTail, lastError] = await Promise.all([output.tail(TAIL_BYTES), output.stderr.tail(ERROR_TAIL_BYTES)]);
  const stopped = abortReason(context.signal);
  // The result of an attempt that the worker gives back is never sent.
  const missing = stopped === "shutdown" || stopped === "preempted" ? [] : await keepOutput(config, attempt);
  const failure = commandFailure({
    ...exit,
    exceeded,
    exceededText: exceeded && limitText(exceeded, limits),
    oomKill: observed.oomKill,
    errorOutput: new TextDecoder().decode(lastError),
  });
  const interrupted = exit.interrupted && stopped !== undefined;
  return {
    ...(interrupted
      ? interruptedReport(stopped)
      : failure === undefined
        ? { status: "completed" }
        : { status: "failed", failure }),
    ...(interrupted || (failure !== undefined && cutShort(failure)) ? { partial: true } : {}),
    exitCode: exit.exitCode,
    signal: exit.signal,
    outputTail,
    metrics: metrics(observed.durationSeconds, output.peakMemoryBytes),
    ...(missing.length === 0 ? {} : { results: { missing_artifacts: missing.map((entry) => ({ ...entry })) } }),
    isolation: observed.isolation,
    provenance: provenance(pid, exit),
  };
}

/** `exited` resolves when the process has ended; the error is what the system said when it could not be started. */
async function start(
  config: CommandConfig,
  { context, folders, output }: Attempt,
  { gpus, prefix }: { gpus: readonly GpuCapability[]; prefix: readonly string[] },
): Promise<Result<{ pid: number; exited: Promise<Ended> }, { code: string | undefined; message: string }>> {
  const command = typeof config.command === "string" ? ["/bin/sh", "-c", config.command] : config.command;
  const { files: workDir, progress: progressFile, checkpoint: checkpointDir, cwd } = folders;
  const env = commandEnvironment(config, context, { workDir, progressFile, checkpointDir, gpus });
  try {
    const [program = "", ...args] = [...prefix, ...command];
    if (prefix.length > 0) {
      const [wanted = ""] = command;
      const found = await findProgram(wanted, { cwd, path: env["PATH"] ?? "" });
      if ("code" in found) return err({ code: found.code, message: `${wanted}: ${found.code}` });
    }
    const child = spawn(program, args, {
      cwd,
      env,
      // A process group of its own, so that one signal reaches all of it and a Ctrl-C at the worker does not.
      detached: true,
      stdio: ["ignore", output.stdout.descriptor, output.stderr.descriptor],
    });
    const exited = ended(child);
    return child.pid === undefined
      ? err(faultOf(await exited.catch((error: unknown) => error)))
      : ok({ pid: child.pid, exited });
  } catch (error) {
    return err(faultOf(error));
  }
}

function faultOf(error: unknown): { code: string | undefined; message: string } {
  return { code: errorCode(error), message: errorMessage(error) };
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { exitCode, signal };
}

function notStarted({ code, message }: { code: string | undefined; message: string }): ExecutionReport {
  return { status: "failed", failure: startFailure(code, message) };
}

/** Stores the output, then the files that the task wants kept. */
async function keepOutput(config: CommandConfig, { context, folders, output }: Attempt): Promise<MissingArtifact[]> {
  const missing: MissingArtifact[] = [];
  for (const name of await output.writtenNames()) {
    const reason = await keepFile({ folder: folders.output, name, isLog: true }, context);
    if (reason !== undefined) missing.push({ name, reason });
  }
  return [...missing, ...(await keepFiles(folders.cwd, config.artifacts, context))];
}

function metrics(durationSeconds: number, peakMemoryBytes: number | undefined): Metric[] {
  const duration = { name: "duration_seconds", value: durationSeconds, unit: "s" };
  if (peakMemoryBytes === undefined) return [duration];
  return [duration, { name: "max_rss_mb", value: peakMemoryBytes / 1e6, unit: "MB" }];
}

function provenance(pid: number, { exitCode, signal }: Ended): NonNullable<ExecutionReport["provenance"]> {
  return {
    kind: "real",
    proven: true,
    evidence: [
      { check: "process_started", passed: true, detail: `process ${pid}` },
      { check: "process_ended", passed: true, detail: signal === null ? `exit code ${exitCode}` : `signal ${signal}` },
    ],
  };
}
