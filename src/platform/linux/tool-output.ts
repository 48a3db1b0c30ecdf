import { execFile } from "node:child_process";

/** A driver tool that hangs (a GPU fallen off the bus) must not hold the worker's start. */
const TOOL_TIMEOUT_MS = 15_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export type ToolRunner = (program: string, args: readonly string[]) => Promise<string | undefined>;

/** Runs tools found on the PATH of `env`; `undefined` when one is absent, fails or takes too long. */
export function toolRunner(env: Readonly<Record<string, string | undefined>>): ToolRunner {
  const options = {
    env,
    timeout: TOOL_TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
    encoding: "utf8",
  } as const;
  return (program, args) =>
    new Promise((resolve) => {
      execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout : undefined));
    });
}
