import { join } from "node:path";
import type { CapabilityDocument } from "../contracts/index.ts";
import { createExecutors } from "../executors/index.ts";
import type { BackendWish } from "../executors/index.ts";
import { createPlatform } from "../platform/index.ts";
import { measureCapabilities } from "../worker/index.ts";
import type { WorkerLogger } from "../worker/index.ts";
import type { CliContext } from "./context.ts";
import { makePrivateFolder } from "./data-folders.ts";

/** What was measured of this machine. */
export type Machine = Omit<CapabilityDocument, "labels" | "task_types">;

interface MeasureOptions {
  context: CliContext;
  logger: WorkerLogger;
  backends?: readonly BackendWish[] | undefined;
}

/** Measures this machine exactly as a worker on it does, without being one. Takes seconds. */
export async function measureMachine(
  dataDir: string,
  { context: { env, clock }, logger, backends }: MeasureOptions,
): Promise<Machine> {
  await makePrivateFolder(dataDir);
  const platform = createPlatform({ diskPath: dataDir, env });
  const measured = await measureCapabilities({
    platform,
    executors: createExecutors({ platform, backends }),
    labels: {},
    probe: { cacheDir: join(dataDir, "cache"), env, clock },
    logger,
  });
  const { labels: _labels, task_types: _types, ...machine } = measured;
  return machine;
}
