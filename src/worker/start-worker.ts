import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir, realpath, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Clock, Rng, WorkerId } from "../base/index.ts";
import { errorMessage } from "../base/index.ts";
import {
  assayError,
  capabilityDocument,
  fault,
  hourlyPrice,
  labels as labelsSchema,
  workerName,
} from "../contracts/index.ts";
import type { CapabilityDocument, Fault, HourlyPrice, Labels } from "../contracts/index.ts";
import type { Executor } from "../executors/index.ts";
import { groupPrefix, WORK_DIR_VARIABLE } from "../executors/index.ts";
import type { Platform } from "../platform/index.ts";
import type { Connection } from "../transport/index.ts";
import { ArtifactSpool } from "./artifact-spool.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { AttemptFolders } from "./attempt-context.ts";
import { measureCapabilities } from "./capabilities.ts";
import { openCommandMemory } from "./command-memory.ts";
import { ExecutorHost } from "./executor-host.ts";
import type { FolderLock } from "./folder-lock.ts";
import { lockFolder } from "./folder-lock.ts";
import { loadIdentity } from "./identity.ts";
import { forgetfulStore, Outbox } from "./outbox.ts";
import { SqliteOutboxStore } from "./sqlite-outbox-store.ts";
import type { Supervision } from "./supervision.ts";
import type { Ending } from "./worker-commands.ts";
import type { WorkerLogger } from "./worker-logger.ts";
import type { WorkerStatus } from "./worker.ts";
import { Worker } from "./worker.ts";

/** More would not fit into the greeting of a worker that comes back with all of them. */
const MAX_SLOTS = 4_000;
const DEFAULT_RESERVE = 2;
const KEEP_ALIVE_MS = 60_000;

export interface StartWorkerOptions {
  /** Makes a connection to the coordinator, e.g. with `dialWebSocket`; rejects with an AssayError. */
  dial: (signal: AbortSignal) => Promise<Connection>;
  artifactStore: ArtifactStore;
  /** The worker's own folder: identity, results on their way, work folders, cache. */
  dataDir: string;
  /** What people call it. */
  name: string;
  /** Most attempts at the same time, 1 to 4,000. */
  slots: number;
  /** Leases held ready beyond the slots; default 2. */
  reserve?: number;
  labels?: Labels;
  /** Pools whose runs it takes work from; default: `default`. */
  pools?: readonly string[] | undefined;
  /** What an hour of this machine costs. */
  price?: HourlyPrice | undefined;
  executors: readonly Executor[];
  /** Of the disk that holds the data folder. */
  platform: Platform;
  /** The environment that executors pick from. */
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  rng: Rng;
  logger: WorkerLogger;
  /** Keep unacknowledged results on disk; default true. */
  durable?: boolean;
  /** What starts this process anew when it ends for that; default: nothing, and it cannot be restarted or updated. */
  supervision?: Supervision | undefined;
}

export interface WorkerHandle {
  readonly workerId: WorkerId;
  readonly capabilities: CapabilityDocument;
  readonly status: WorkerStatus;
  /** How a command of the coordinator made it end, or makes it; null for none did. */
  readonly endsBy: Ending | null;
  /** Takes no more work and hands back what has not begun; the worker stays connected. */
  drain(reason: string): void;
  /** Resolves when it drains (by `drain`, or asked by the coordinator) and nothing is left to do or to deliver. */
  readonly drained: Promise<void>;
  /**
   * Drains, gives attempts until the deadline to end, hands back the others, delivers results, says goodbye, and lets go of the
   * data folder. A second call waits for the first. Results that could not be delivered are delivered by the next start.
   */
  stop(options: { deadlineMs: number; reason?: string }): Promise<void>;
  /** Resolves when the worker has ended: null after `stop`, or the fault for which its coordinator refuses it. Never rejects. */
  readonly ended: Promise<Fault | null>;
}

/**
 * Starts a worker: takes its data folder, measures what it can do, and connects; resolves before it is connected. Rejects with
 * an AssayError when an option or the folder cannot be used; nothing is left running then.
 */
export async function startWorker(options: StartWorkerOptions): Promise<WorkerHandle> {
  checkOptions(options);
  const folder = await makeFolder(options.dataDir);
  const lock = lockFolder(folder);
  try {
    return await start(options, { folder, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function start(options: StartWorkerOptions, place: { folder: string; lock: FolderLock }): Promise<WorkerHandle> {
  const { executors, platform, clock, rng, logger, env, artifactStore, supervision } = options;
  const paths = { work: join(place.folder, "work"), cache: join(place.folder, "cache") };
  await clearPredecessor(paths, options);
  await mkdir(paths.cache, { recursive: true });
  const workerId = await loadIdentity(place.folder);
  const probe = { cacheDir: paths.cache, env, clock };
  const capabilities = await measureCapabilities({
    ...{ platform, executors, probe, logger },
    labels: options.labels ?? {},
    pools: options.pools,
    price: options.price,
  });
  const store = options.durable === false ? forgetfulStore : new SqliteOutboxStore(join(place.folder, "outbox.sqlite"));
  const outbox = new Outbox(store, logger);
  outbox.outlast(true);
  const spool = await ArtifactSpool.open({
    ...{ store: artifactStore, clock, logger },
    folder: join(place.folder, "spool"),
  });
  const worker = new Worker({
    workerId,
    incarnation: randomUUID(),
    name: options.name,
    slots: options.slots,
    reserve: options.reserve ?? DEFAULT_RESERVE,
    capabilities,
    dial: options.dial,
    outbox,
    spool,
    memory: await openCommandMemory(join(place.folder, "commands.json")),
    supervision,
    runner: (live) =>
      new ExecutorHost({
        executors,
        workerId,
        folders: attemptFolders(paths.work),
        cacheDir: paths.cache,
        env,
        artifacts: spool,
        blobs: artifactStore,
        live,
        clock,
        logger,
      }),
    platform,
    defer: setImmediate,
    clock,
    rng,
    logger,
  });
  const release = async (): Promise<void> => {
    const closed = await Promise.allSettled(executors.map(async (executor) => executor.close?.()));
    for (const end of closed)
      if (end.status === "rejected") logger.warn({ err: errorMessage(end.reason) }, "an executor did not end well");
    outbox.close();
    place.lock.release();
  };
  return handleOf(worker, { workerId, capabilities, logger, release });
}

function handleOf(
  worker: Worker,
  parts: { workerId: WorkerId; capabilities: CapabilityDocument; logger: WorkerLogger; release: () => Promise<void> },
): WorkerHandle {
  const ended = runToEnd(worker, parts);
  let stopping: Promise<void> | undefined;
  return {
    workerId: parts.workerId,
    capabilities: parts.capabilities,
    get status() {
      return worker.status;
    },
    get endsBy() {
      return worker.endsBy;
    },
    drain: (reason) => worker.drain(reason, { announce: true }),
    drained: worker.drained,
    stop({ deadlineMs, reason = "the worker is stopped" }) {
      stopping ??= worker.stop({ deadlineMs, reason }).then(async () => void (await ended));
      return stopping;
    },
    ended,
  };
}

async function runToEnd(
  worker: Worker,
  { logger, release }: { logger: WorkerLogger; release: () => Promise<void> },
): Promise<Fault | null> {
  // Between two sessions the worker holds nothing that would keep the process alive.
  const alive = setInterval(() => undefined, KEEP_ALIVE_MS);
  try {
    return await worker.run();
  } catch (error) {
    logger.error({ err: errorMessage(error) }, "the worker ends because of a bug");
    return fault("internal", errorMessage(error));
  } finally {
    await release();
    clearInterval(alive);
  }
}

function checkOptions({ name, slots, reserve = DEFAULT_RESERVE, labels = {}, pools, price }: StartWorkerOptions): void {
  if (!workerName.safeParse(name).success) throw assayError("usage", `"${name}" cannot be the name of a worker`);
  if (!Number.isInteger(slots) || slots < 1 || slots > MAX_SLOTS) {
    throw assayError("usage", `a worker has 1 to ${MAX_SLOTS} slots, not ${slots}`);
  }
  if (!Number.isInteger(reserve) || reserve < 0 || slots + reserve > 2 * MAX_SLOTS) {
    throw assayError("usage", `a worker cannot hold ${reserve} leases in reserve`);
  }
  if (!labelsSchema.safeParse(labels).success)
    throw assayError("usage", "a label has 1 to 63 characters and a value of at most 255");
  if (!capabilityDocument.shape.pools.safeParse(pools).success)
    throw assayError("usage", `a worker is in 1 to 32 pools, whose names are like those of runs`);
  if (price !== undefined && !hourlyPrice.safeParse(price).success)
    throw assayError("usage", "a price per hour is 0 to 1,000,000 in a currency of three capital letters");
}

/** The absolute path of the folder, so that all that is named after it stays the same whatever links lead to it. */
async function makeFolder(path: string): Promise<string> {
  try {
    // What commands write may be nobody else's business.
    await mkdir(path, { recursive: true, mode: 0o700 });
    return await realpath(path);
  } catch (error) {
    throw assayError("data_dir_read_only", `the data folder ${path} cannot be made: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Folders below this one, named by the lease. */
function attemptFolders(root: string): AttemptFolders {
  return {
    make(leaseSeq) {
      const folder = join(root, String(leaseSeq));
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    remove: (folder) => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Ends what a worker that was killed left running in this folder, and removes what its attempts left behind. */
async function clearPredecessor(
  { work, cache }: { work: string; cache: string },
  { platform, logger }: StartWorkerOptions,
): Promise<void> {
  platform.controlGroups?.clear(groupPrefix(cache));
  for (const pid of platform.processes.markedBy(WORK_DIR_VARIABLE, (value) => value.startsWith(work + sep))) {
    logger.warn({ pid }, "ending a process that an earlier worker left behind");
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  await rm(work, { recursive: true, force: true });
}
