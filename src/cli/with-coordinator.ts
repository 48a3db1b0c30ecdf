import { createClient } from "../client/index.ts";
import type { TaskType } from "../contracts/index.ts";
import type { BackendWish } from "../executors/index.ts";
import type { Invocation } from "./cli.ts";
import { findConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { dataDirOf } from "./data-folders.ts";
import { startEmbedded } from "./embedded.ts";
import type { RunSession } from "./perform-run.ts";

/** Workers that a command starts when it has no coordinator. */
export const DEFAULT_WORKERS = 2;

/** A session and, when the coordinator was started for it, where its data lie. */
export interface CoordinatorSession extends RunSession {
  embeddedDataDir: string | undefined;
}

/**
 * Uses the coordinator that the options mean; without one, starts one with workers in this process and ends it afterwards. The
 * workers take work of `pools` and of `types`, and try `backends` besides what the machine suggests.
 */
export async function withCoordinator<T>(
  invocation: Invocation<ConnectionOptions & { workers?: number }> & {
    pools?: readonly string[];
    backends?: readonly BackendWish[];
    types?: readonly TaskType[] | undefined;
  },
  use: (session: CoordinatorSession) => Promise<T>,
): Promise<T> {
  const { options, context, screen, pools, backends, types } = invocation;
  const connection = await findConnection(options, context);
  if (connection !== undefined) {
    const client = createClient(connection);
    return use({ client, baseUrl: connection.baseUrl, context, screen, embeddedDataDir: undefined });
  }
  const dataDir = dataDirOf(options, context);
  screen.info(`no coordinator is named or running here; starting one in ${dataDir}`);
  const workers = options.workers ?? DEFAULT_WORKERS;
  const embedded = await startEmbedded({ dataDir, port: 0, anyPort: false, workers, pools, backends, types, context });
  try {
    return await use({ client: embedded.client, baseUrl: null, context, screen, embeddedDataDir: dataDir });
  } finally {
    await embedded.stop();
  }
}
