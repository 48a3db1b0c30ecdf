import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Result } from "../../base/index.ts";
import { err, errorCode, errorMessage, ok } from "../../base/index.ts";
import type { CommandConfig, GpuCapability } from "../../contracts/index.ts";
import type { CommandAttempt } from "./command-attempt.ts";
import { commandEnvironment } from "./command-environment.ts";
import type { CommandEnd } from "./failure-table.ts";
import { programFault } from "../program-fault.ts";

export type Ended = Pick<CommandEnd, "exitCode" | "signal">;

/** A command that runs. */
export interface StartedCommand {
  pid: number;
  /** Resolves when the process has ended. */
  exited: Promise<Ended>;
}

/** Why a command does not run; `code` is the system's error code. */
export interface StartFault {
  code: string | undefined;
  message: string;
}

/** Starts what the task asks for, with what confines it in front. */
export async function startCommand(
  config: CommandConfig,
  { context, folders, output }: CommandAttempt,
  { gpus, prefix }: { gpus: readonly GpuCapability[]; prefix: readonly string[] },
): Promise<Result<StartedCommand, StartFault>> {
  const command = typeof config.command === "string" ? ["/bin/sh", "-c", config.command] : config.command;
  const { files: workDir, progress: progressFile, checkpoint: checkpointDir, cwd } = folders;
  const env = commandEnvironment(config, context, { workDir, progressFile, checkpointDir, gpus });
  try {
    const [program = "", ...args] = [...prefix, ...command];
    if (prefix.length > 0) {
      const [wanted = ""] = command;
      const code = await programFault(wanted, { cwd, path: env["PATH"] ?? "" });
      if (code !== undefined) return err({ code, message: `${wanted}: ${code}` });
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

function faultOf(error: unknown): StartFault {
  return { code: errorCode(error), message: errorMessage(error) };
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { exitCode, signal };
}
