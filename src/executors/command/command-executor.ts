import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Result } from "../../base/index.ts";
import { assert, err, errorCode, errorMessage, ok } from "../../base/index.ts";
import type { CommandConfig, GpuCapability, Metric, TaskSpec } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import type { AttemptFolders } from "./attempt-folders.ts";
import { prepareFolders } from "./attempt-folders.ts";
import type { CommandExit } from "./command-outcome.ts";
import { commandOutcome, lastLine } from "./command-outcome.ts";
import { commandEnvironment } from "./environment.ts";
import { installedSoftware } from "./installed-software.ts";
import type { MissingArtifact } from "./kept-files.ts";
import { keepFile, keepFiles } from "./kept-files.ts";
import { LiveOutput } from "./live-output.ts";
import { ProcessTree } from "./process-tree.ts";
import { ProgressFile } from "./progress-file.ts";

const DEFAULT_KILL_GRACE_MS = 10_000;
/** Kept in the report; all of it is in the artifacts. */
const TAIL_BYTES = 16 * 1024;

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

  constructor(options: CommandExecutorOptions) {
    this.platform = options.platform;
    this.killGraceMs = options.killGraceMs ?? DEFAULT_KILL_GRACE_MS;
  }

  async capabilities(context: ProbeContext): Promise<ExecutorCapabilities> {
    this.gpus = context.facts.gpus;
    const child = spawn("/bin/sh", ["-c", "exit 0"], { stdio: "ignore", env: {} });
    const works = await ended(child).then(
      ({ exitCode }) => exitCode === 0,
      () => false,
    );
    return { hardware: works ? ["cpu"] : [], runtimes: [], software: await installedSoftware(context.env) };
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "command", `a command executor was given a ${spec.type} task`);
    const folders = await prepareFolders(spec.config, context.workDir);
    if (!folders.ok) return { status: "failed", failure: folders.error };
    const reason = abortReason(context.signal);
    if (reason !== undefined) return interruptedReport(reason);
    const output = await LiveOutput.create(folders.value.output, context);
    const progress = await ProgressFile.create(folders.value.progress, context);
    try {
      const report = await this.run(spec.config, { context, folders: folders.value, output });
      await progress.close({ report: report.status !== "completed" });
      return report;
    } finally {
      await progress.close({ report: false });
      await output.close();
    }
  }

  private async run(config: CommandConfig, attempt: Attempt): Promise<ExecutionReport> {
    const { context, folders, output } = attempt;
    const oomKillsBefore = this.platform.processes.oomKills() ?? 0;
    const startedMs = context.clock.monotonicMs();
    const started = await start(config, attempt, this.gpus);
    if (!started.ok) return notStarted(started.error);

    const { pid, exited } = started.value;
    const tree = new ProcessTree({
      pid,
      workDir: folders.files,
      inspector: this.platform.processes,
      clock: context.clock,
    });
    const exit = await this.supervise(exited, { tree, attempt });
    const durationSeconds = (context.clock.monotonicMs() - startedMs) / 1000;
    const [outputTail, lastError] = await Promise.all([output.tail(TAIL_BYTES), output.stderr.tail(2_000)]);
    const stopped = abortReason(context.signal);
    // The result of an attempt that the worker gives back is never sent.
    const missing = stopped === "shutdown" || stopped === "preempted" ? [] : await keepOutput(config, attempt);
    return {
      ...(exit.interrupted && stopped !== undefined
        ? interruptedReport(stopped)
        : commandOutcome({
            ...exit,
            shell: typeof config.command === "string",
            outOfMemory: (this.platform.processes.oomKills() ?? 0) > oomKillsBefore,
            lastWords: lastLine(lastError),
          })),
      exitCode: exit.exitCode,
      signal: exit.signal,
      outputTail,
      metrics: metrics(durationSeconds, output.peakMemoryBytes),
      ...(missing.length === 0 ? {} : { results: { missing_artifacts: missing.map((entry) => ({ ...entry })) } }),
      provenance: provenance(pid, exit),
    };
  }

  /** Waits for the end of the command, brings it about when the attempt is to stop, and clears away what the command left. */
  private async supervise(
    exited: Promise<Ended>,
    { tree, attempt }: { tree: ProcessTree; attempt: Attempt },
  ): Promise<Ended & { interrupted: boolean }> {
    const { signal } = attempt.context;
    let ending: Promise<void> | undefined;
    const stop = (): void => {
      ending ??= tree.end(this.killGraceMs);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    attempt.output.follow(() => tree.peakMemoryBytes());
    try {
      const exit = await exited;
      tree.markRootEnded();
      // Decided here: a stop that comes after the command has ended changes nothing.
      const interrupted = ending !== undefined;
      await (ending ?? tree.clear());
      return { ...exit, interrupted };
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

interface Attempt {
  context: ExecutionContext;
  folders: AttemptFolders;
  output: LiveOutput;
}

type Ended = Pick<CommandExit, "exitCode" | "signal">;

/** `exited` resolves when the process has ended; the error is what the system said when it could not be started. */
async function start(
  config: CommandConfig,
  { context, folders, output }: Attempt,
  gpus: readonly GpuCapability[],
): Promise<Result<{ pid: number; exited: Promise<Ended> }, unknown>> {
  const [program = "", ...args] =
    typeof config.command === "string" ? ["/bin/sh", "-c", config.command] : config.command;
  try {
    const child = spawn(program, args, {
      cwd: folders.cwd,
      env: commandEnvironment(config, context, { workDir: folders.files, progressFile: folders.progress, gpus }),
      // A process group of its own, so that one signal reaches all of it and a Ctrl-C at the worker does not.
      detached: true,
      stdio: ["ignore", output.stdout.descriptor, output.stderr.descriptor],
    });
    const exited = ended(child);
    return child.pid === undefined ? err(await exited) : ok({ pid: child.pid, exited });
  } catch (error) {
    return err(error);
  }
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { exitCode, signal };
}

function notStarted(error: unknown): ExecutionReport {
  const code = errorCode(error);
  const reason = code === "ENOENT" ? "program_not_found" : code === "EACCES" ? "program_not_executable" : "not_started";
  return {
    status: "failed",
    failure: { class: "setup", reason, message: `the command could not be started: ${errorMessage(error)}` },
  };
}

/** Stores the output, then the files that the task wants kept. */
async function keepOutput(config: CommandConfig, { context, folders, output }: Attempt): Promise<MissingArtifact[]> {
  const missing: MissingArtifact[] = [];
  for (const name of await output.writtenNames()) {
    const reason = await keepFile(folders.output, name, context);
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
