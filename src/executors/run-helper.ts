import { execFile } from "node:child_process";

/** For a helper that is run to find out whether something works here. */
export const PROBE_TIMEOUT_MS = 10_000;

export interface HelperOptions {
  /** The helper's whole environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** After which it is killed; default: never. */
  timeoutMs?: number;
}

export interface HelperEnd {
  /** Null when it was not started, or ended by a signal. */
  exitCode: number | null;
  stdout: string;
  /** What went wrong, in its own words if it had any; undefined when nothing did. */
  problem: string | undefined;
}

/** Runs a program that helps the worker, to its end. Never rejects. */
export function runHelper(
  [program, ...args]: readonly [string, ...string[]],
  { env, timeoutMs = 0 }: HelperOptions,
): Promise<HelperEnd> {
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: timeoutMs, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) return resolve({ exitCode: 0, stdout, problem: undefined });
      const exitCode = typeof error.code === "number" ? error.code : null;
      resolve({ exitCode, stdout, problem: `${program}: ${stderr.trim() || error.message}` });
    });
  });
}
