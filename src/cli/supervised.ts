import { spawn } from "node:child_process";
import { join } from "node:path";
import { systemClock } from "../base/index.ts";
import { ASSAY_VERSION } from "../contracts/index.ts";
import { chooseNextVersion, installVersion, supervisedBy, superviseWorker } from "../worker/index.ts";
import type { Supervision, WorkerLogger } from "../worker/index.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";

/** Tells a worker process about its supervisor. */
const VARIABLE = "ASSAY_SUPERVISED";

export interface SupervisorSettings {
  /** The worker's own folder. */
  dataDir: string;
  healthyWithinMs: number;
  logger: WorkerLogger;
}

/** Runs the same command line as processes of their own, one after the other. Gives what to end with. */
export function runSupervisor(context: CliContext, settings: SupervisorSettings): Promise<number> {
  const [, entry = ""] = process.argv;
  return superviseWorker({
    folder: versionsFolder(settings.dataDir),
    base: { version: ASSAY_VERSION, entry },
    start: (script, told) =>
      spawn(process.execPath, [...process.execArgv, script, ...process.argv.slice(2)], {
        cwd: context.cwd,
        env: { ...context.env, [VARIABLE]: JSON.stringify(told) },
        stdio: ["inherit", "inherit", "inherit", "ipc"],
        // A terminal sends Ctrl-C to its whole group; only the supervisor is to hear of it.
        detached: true,
      }),
    exitCodes,
    healthyWithinMs: settings.healthyWithinMs,
    clock: systemClock,
    logger: settings.logger,
    signal: context.interrupts.signal,
  });
}

/** The supervisor of this process, if it has one. */
export function supervisionOf(
  context: CliContext,
  { dataDir, source }: { dataDir: string; source: string | null },
): Supervision | null {
  const text = context.env[VARIABLE];
  if (text === undefined || process.send === undefined) return null;
  const told = supervisedBy.parse(JSON.parse(text));
  return {
    ...told,
    async prepare(version) {
      const folder = versionsFolder(dataDir);
      await chooseNextVersion(folder, await installVersion({ folder, version, source }));
    },
    healthy: () => process.send?.({ type: "healthy" }),
  };
}

/** Resolves when the supervisor is gone, however it ended. */
export function supervisorGone(): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.once("disconnect", () => resolve());
    // Waiting for that must not keep the process alive.
    process.channel?.unref();
  });
}

function versionsFolder(dataDir: string): string {
  return join(dataDir, "versions");
}
