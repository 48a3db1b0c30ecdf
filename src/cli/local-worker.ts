import { randomInt } from "node:crypto";
import { seededRng, systemClock } from "../base/index.ts";
import { SUBPROTOCOLS } from "../contracts/index.ts";
import type { HourlyPrice, Labels, TaskType } from "../contracts/index.ts";
import { createExecutors } from "../executors/index.ts";
import type { BackendWish } from "../executors/index.ts";
import { createPlatform } from "../platform/index.ts";
import { dialWebSocket } from "../transport/index.ts";
import { HttpArtifactStore, startWorker } from "../worker/index.ts";
import type { Supervision, WorkerHandle, WorkerLogger } from "../worker/index.ts";
import { makePrivateFolder } from "./data-folders.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface LocalWorkerOptions {
  coordinatorUrl: string;
  token: string;
  name: string;
  slots: number;
  labels?: Labels;
  pools?: readonly string[] | undefined;
  price?: HourlyPrice | undefined;
  /** Ways to run models that are tried besides those that the machine suggests. */
  backends?: readonly BackendWish[] | undefined;
  /** Types of tasks that it takes; default: all. */
  types?: readonly TaskType[] | undefined;
  dataDir: string;
  env: Readonly<Record<string, string | undefined>>;
  logger: WorkerLogger;
  supervision?: Supervision | undefined;
}

/** Starts a worker of this machine with every executor there is; resolves before it is connected. */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<WorkerHandle> {
  const {
    coordinatorUrl,
    token,
    env,
    dataDir,
    name,
    slots,
    labels = {},
    pools,
    price,
    backends,
    types,
    logger,
    supervision,
  } = options;
  const clock = systemClock;
  const rng = seededRng(randomInt(2 ** 32));
  await makePrivateFolder(dataDir);
  const platform = createPlatform({ diskPath: dataDir, env });
  const artifactStore = new HttpArtifactStore({ baseUrl: coordinatorUrl, token, clock, rng });
  const worker = await startWorker({
    dial: (signal) =>
      dialWebSocket({
        url: coordinatorUrl,
        token,
        subprotocols: SUBPROTOCOLS,
        handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
        signal,
      }),
    artifactStore,
    executors: createExecutors({ platform, backends, types }),
    ...{ platform, dataDir, name, slots, labels, pools, price, env, clock, rng, logger, supervision },
  });
  // An idle connection would keep the process for as long as the coordinator keeps it.
  void worker.ended.then(() => artifactStore.close());
  return worker;
}
