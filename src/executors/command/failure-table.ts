import { constants } from "node:os";
import type { Failure, FailureClass, LimitName } from "../../contracts/index.ts";

/** How a started command ended, and what is known of why. */
export interface CommandEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The limit for which it was ended, or that the kernel did not let it pass. */
  exceeded?: LimitName | undefined;
  /** In words, e.g. `limits.memory_mb = 100`. */
  exceededText?: string | undefined;
  /**
   * The kernel killed a process for want of memory meanwhile: `own` in the control group of the attempt alone, `shared` in that of
   * the worker, where it may have been another's.
   */
  oomKill: "own" | "shared" | "none";
  /** The end of standard error, for the message and for what only words tell. */
  errorOutput: string;
}

interface Row {
  class: FailureClass;
  reason: string;
  /** Whether the row is for this end. */
  when: (end: CommandEnd) => boolean;
  /** What happened, in words; the last words of the command are put after it. */
  says: (end: CommandEnd) => string;
}

/** Shells, container runtimes and sandboxes add the signal's number to 128. */
const KILLED_BY = 128;
const numbers: Readonly<Record<string, number>> = constants.signals;

/** Whether a process ended by the signal, or says by its exit code that its child did. */
function endedBy({ exitCode, signal }: CommandEnd, name: NodeJS.Signals): boolean {
  return signal === name || exitCode === KILLED_BY + (numbers[name] ?? Number.NaN);
}

function exceeds(name: LimitName, failure: { class: FailureClass; reason: string }): Row {
  return {
    ...failure,
    when: ({ exceeded }) => exceeded === name,
    says: ({ exceededText }) => `ended because it took more than ${exceededText}`,
  };
}

function signalled(name: NodeJS.Signals, reason: string): Row {
  return {
    class: "crash",
    reason,
    when: (end) => endedBy(end, name),
    says: ({ signal, exitCode }) =>
      signal === null ? `ended with exit code ${exitCode}, which stands for ${name}` : `ended by the signal ${name}`,
  };
}

function exits(code: number, { says, ...failure }: { class: FailureClass; reason: string; says: string }): Row {
  return { ...failure, when: ({ exitCode }) => exitCode === code, says: () => `${says} (exit code ${code})` };
}

/** The first row that fits is the verdict on a command that did not end with exit code 0. */
const failureTable: readonly Row[] = [
  exceeds("memory_mb", { class: "out_of_memory", reason: "memory_limit" }),
  exceeds("processes", { class: "crash", reason: "process_limit" }),
  exceeds("disk_mb", { class: "crash", reason: "disk_limit" }),
  exceeds("output_mb", { class: "crash", reason: "output_limit" }),
  {
    class: "out_of_memory",
    reason: "oom_kill",
    when: (end) => end.oomKill === "own" || (end.oomKill === "shared" && endedBy(end, "SIGKILL")),
    says: () => "killed by the kernel for want of memory",
  },
  {
    // Runtimes that give up by themselves say so, and end in ways that mean something else too.
    class: "out_of_memory",
    reason: "allocation_failed",
    when: (end) =>
      (endedBy(end, "SIGABRT") && /heap out of memory|std::bad_alloc/.test(end.errorOutput)) ||
      /^(MemoryError\b|\S*OutOfMemoryError\b)/.test(lastLine(end.errorOutput)),
    says: ({ exitCode, signal }) => `ran out of memory (${signal ?? `exit code ${exitCode}`})`,
  },
  exits(124, { class: "timeout", reason: "timeout_command", says: "stopped by a time limit of its own" }),
  exits(125, {
    class: "setup",
    reason: "not_confined",
    says: "its limits, or what it was to run in, could not be set up",
  }),
  exits(126, { class: "setup", reason: "program_not_executable", says: "a program could not be executed" }),
  exits(127, { class: "setup", reason: "program_not_found", says: "a program was not found" }),
  signalled("SIGSEGV", "segmentation_fault"),
  signalled("SIGBUS", "bus_error"),
  signalled("SIGABRT", "aborted"),
  signalled("SIGILL", "illegal_instruction"),
  signalled("SIGFPE", "arithmetic_error"),
  signalled("SIGTRAP", "trap"),
  signalled("SIGSYS", "bad_system_call"),
  signalled("SIGXCPU", "cpu_time_limit"),
  signalled("SIGXFSZ", "file_size_limit"),
  signalled("SIGPIPE", "broken_pipe"),
  signalled("SIGKILL", "killed"),
  signalled("SIGTERM", "terminated"),
  signalled("SIGINT", "interrupted"),
  signalled("SIGHUP", "hung_up"),
  {
    class: "crash",
    reason: "signal",
    when: ({ signal }) => signal !== null,
    says: ({ signal }) => `ended by the signal ${signal}`,
  },
  {
    class: "assertion",
    reason: "exit_code",
    when: () => true,
    says: ({ exitCode }) => `ended with exit code ${exitCode}`,
  },
];

/** Why a command that was left alone until its end, or ended for a limit, failed; undefined when it did not. */
export function commandFailure(end: CommandEnd): Failure | undefined {
  if (end.exitCode === 0 && end.exceeded === undefined) return undefined;
  const row = failureTable.find(({ when }) => when(end));
  if (row === undefined) throw new Error("the last row of the table fits everything");
  const lastWords = lastLine(end.errorOutput);
  const message = lastWords === "" ? row.says(end) : `${row.says(end)}: ${lastWords}`;
  return { class: row.class, reason: row.reason, message };
}

/** The last line that says something, cut to a readable length. */
function lastLine(output: string): string {
  return (output.split("\n").findLast((line) => line.trim() !== "") ?? "").trim().slice(0, 500);
}

/** What the system says of a program that it cannot start. */
const startReasons: Readonly<Record<string, string>> = {
  ENOENT: "program_not_found",
  ENOTDIR: "program_not_found",
  EACCES: "program_not_executable",
  ENOEXEC: "program_not_executable",
  E2BIG: "arguments_too_long",
  EAGAIN: "no_more_processes",
  EMFILE: "no_more_files",
  ENFILE: "no_more_files",
  ENOMEM: "no_more_memory",
};

/** The failure of a command that never started. `code` is the system's error code. */
export function startFailure(code: string | undefined, message: string): Failure {
  const reason = (code === undefined ? undefined : startReasons[code]) ?? "not_started";
  return { class: "setup", reason, message: `the command could not be started: ${message}` };
}
