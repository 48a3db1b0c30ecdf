import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { errorCode } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { FrameworkProcess, ProcessEnd, ProcessStarter, StartOptions } from "./framework.ts";

/** Of what a process prints, so much is kept to tell why it failed. */
const TAIL_BYTES = 16_384;

/** Starts processes on this machine in groups of their own, without limits: to list tests, and in tests. */
export class PlainStarter implements ProcessStarter {
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.env = env;
  }

  start(command: readonly string[], { cwd, env }: StartOptions): Promise<FrameworkProcess> {
    const [program = "", ...given] = command;
    const child = spawn(program, given, {
      cwd,
      env: { ...this.env, ...env },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    return new Promise((resolve, reject) => {
      child.once("error", (error) => reject(notStarted(program, error)));
      child.once("spawn", () => resolve(running(child)));
    });
  }
}

function notStarted(program: string, error: Error): Error {
  const message = `${program} cannot be started: ${errorCode(error) === "ENOENT" ? "there is no such program" : error.message}`;
  return assayError("framework_missing", message);
}

function running(child: ChildProcess): FrameworkProcess {
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (tail = (tail + text).slice(-TAIL_BYTES)));
  }
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  // Spawned with pipes, so they are there.
  const commands = child.stdin as Writable;
  // A process that has ended reads nothing more; its end says so.
  commands.on("error", () => {});
  return {
    pid: child.pid ?? 0,
    commands,
    events: child.stdio[3] as Readable,
    exited,
    tail: () => tail,
    kill: async () => {
      end(child);
      await exited;
    },
  };
}

/** Ends the process with the group that it leads. */
function end(child: ChildProcess): void {
  try {
    if (process.platform === "win32" || child.pid === undefined) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
