import type { CommandConfig, Isolation, LimitName, Metric } from "../../contracts/index.ts";
import type { ExecutionReport } from "../executor.ts";
import { abortReason, cutShort, interruptedReport } from "../interruption.ts";
import { limitText } from "../attempt-limits.ts";
import type { CommandAttempt } from "./command-attempt.ts";
import type { CommandEnd } from "./failure-table.ts";
import { commandFailure, startFailure } from "./failure-table.ts";
import type { MissingArtifact } from "../kept-files.ts";
import { keepFile, keepFiles } from "../kept-files.ts";
import type { Ended, StartFault } from "./start-command.ts";

/** Kept in the report; all of it is in the artifacts. */
const TAIL_BYTES = 16 * 1024;
/** Runtimes write long traces after what they died of. */
const ERROR_TAIL_BYTES = 8 * 1024;

/** `interrupted`: it ended because the attempt was told to stop. */
export type Supervised = Ended & { interrupted: boolean };

export const withoutSandbox: ExecutionReport = {
  status: "failed",
  failure: {
    class: "setup",
    reason: "no_sandbox",
    message: "the task asks for a sandbox, which this worker does not have",
  },
};

export function notStarted({ code, message }: StartFault): ExecutionReport {
  return { status: "failed", failure: startFailure(code, message) };
}

export interface Observed {
  exit: Supervised;
  pid: number;
  durationSeconds: number;
  oomKill: CommandEnd["oomKill"];
  isolation: Isolation;
  exceeded: LimitName | undefined;
}

/** Keeps what the command made, and says what became of it. */
export async function conclude(
  config: CommandConfig,
  attempt: CommandAttempt,
  observed: Observed,
): Promise<ExecutionReport> {
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

/** Stores the output, then the files that the task wants kept. */
async function keepOutput(
  config: CommandConfig,
  { context, folders, output }: CommandAttempt,
): Promise<MissingArtifact[]> {
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
