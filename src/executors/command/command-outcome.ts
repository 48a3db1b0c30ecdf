import type { ExecutionReport } from "../executor.ts";

/** How a started command ended. */
export interface CommandExit {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The command was a shell line, whose exit code also speaks for the programs in it. */
  shell: boolean;
  /** The kernel killed a process for want of memory meanwhile. */
  outOfMemory: boolean;
  /** The end of standard error, for the message. */
  lastWords: string;
}

/** What shells answer for a program that is not there, or is no program. */
const SHELL_NOT_FOUND = 127;
const SHELL_NOT_EXECUTABLE = 126;
/** Shells add the signal's number to 128. */
const SHELL_KILLED = 128 + 9;

/** The verdict on a command that was left alone until it ended. */
export function commandOutcome(exit: CommandExit): Pick<ExecutionReport, "status" | "failure"> {
  const { exitCode, signal, shell, outOfMemory } = exit;
  if (exitCode === 0) return { status: "completed" };
  const message = (text: string): string => (exit.lastWords === "" ? text : `${text}: ${exit.lastWords}`);
  const killed = signal === "SIGKILL" || (shell && exitCode === SHELL_KILLED);
  if (killed && outOfMemory) {
    return failed({
      class: "out_of_memory",
      reason: "oom_kill",
      message: message("killed by the kernel for want of memory"),
    });
  }
  if (signal !== null)
    return failed({ class: "crash", reason: "signal", message: message(`ended by the signal ${signal}`) });
  if (shell && (exitCode === SHELL_NOT_FOUND || exitCode === SHELL_NOT_EXECUTABLE)) {
    const reason = exitCode === SHELL_NOT_FOUND ? "program_not_found" : "program_not_executable";
    return failed({
      class: "setup",
      reason,
      message: message(`the shell could not start a program (exit code ${exitCode})`),
    });
  }
  return failed({ class: "assertion", reason: "exit_code", message: message(`ended with exit code ${exitCode}`) });
}

function failed(failure: NonNullable<ExecutionReport["failure"]>): Pick<ExecutionReport, "status" | "failure"> {
  return { status: "failed", failure };
}

/** The last line that says something, cut to a readable length. */
export function lastLine(output: Uint8Array): string {
  const lines = new TextDecoder().decode(output).split("\n");
  return (lines.findLast((line) => line.trim() !== "") ?? "").trim().slice(0, 500);
}
