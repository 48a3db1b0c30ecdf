import { execFile } from "node:child_process";
import { errorCode } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GitOptions {
  cwd: string;
  env: Environment;
  signal?: AbortSignal | undefined;
}

export interface GitEnd {
  exitCode: number;
  stdout: Buffer;
  /** In English. */
  stderr: string;
}

const MAX_OUTPUT_BYTES = 2 ** 30;
/** A hook of git sets these for its own repository. */
const PLACES = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/** Runs git to its end; never asks anybody for a password. Errors: dependency_missing. */
export function git(args: readonly string[], { cwd, env, signal }: GitOptions): Promise<GitEnd> {
  const own = Object.entries(env).filter(([name]) => !PLACES.includes(name));
  const options = {
    cwd,
    env: { ...Object.fromEntries(own), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" },
    encoding: "buffer" as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    execFile("git", args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ exitCode: 0, stdout, stderr: stderr.toString() });
      if (typeof error.code === "number") return resolve({ exitCode: error.code, stdout, stderr: stderr.toString() });
      if (errorCode(error) !== "ENOENT") return reject(error);
      reject(
        assayError("dependency_missing", "git cannot be started, and it says what belongs to a project", {
          next: "Install git.",
          cause: error,
        }),
      );
    });
  });
}
