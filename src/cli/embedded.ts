import { availableParallelism } from "node:os";
import { join } from "node:path";
import { errorCode } from "../base/index.ts";
import { createClient } from "../client/index.ts";
import type { Client } from "../client/index.ts";
import { assayError, faultError } from "../contracts/index.ts";
import { WATCH_DEFAULTS, startCoordinator } from "../coordinator/index.ts";
import type { TaskType } from "../contracts/index.ts";
import type { CoordinatorHandle } from "../coordinator/index.ts";
import type { BackendWish } from "../executors/index.ts";
import { openTabSite } from "../tab/index.ts";
import type { WorkerHandle } from "../worker/index.ts";
import type { CliContext } from "./context.ts";
import { startLocalWorker } from "./local-worker.ts";
import { fileLogger } from "./loggers.ts";

/** A coordinator with its workers in this process. They talk over real connections on the loopback interface. */
export interface Embedded {
  client: Client;
  baseUrl: string;
  /** Ends the workers, then the coordinator. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  dataDir: string;
  port: number;
  /** Take a free port when this one is taken. */
  anyPort: boolean;
  workers: number;
  /** Pools that the workers take work from. */
  pools?: readonly string[] | undefined;
  /** What the workers try besides what the machine suggests. */
  backends?: readonly BackendWish[] | undefined;
  /** Types of tasks that the workers take; default: all. */
  types?: readonly TaskType[] | undefined;
  context: CliContext;
}

/** Attempts that run when everything stops may take so long to end. */
const STOP_DEADLINE_MS = 5_000;

/** Starts a coordinator and its workers and waits until they are ready. Nothing is left running when it rejects. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const cleanup: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = cleanup.pop(); close !== undefined; close = cleanup.pop()) await close();
  };
  try {
    const coordinator = await startOnPort(options);
    cleanup.push(() => coordinator.stop());
    const client = createClient({ baseUrl: coordinator.url, token: coordinator.adminToken });
    const { seq } = await client.status();
    const numbers = Array.from({ length: options.workers }, (_, index) => index + 1);
    const started = await Promise.allSettled(numbers.map((number) => startOne(options, coordinator, number)));
    const workers = started.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    cleanup.push(() => Promise.all(workers.map((worker) => worker.stop({ deadlineMs: STOP_DEADLINE_MS }))));
    const failed = started.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await ready(client, { seq, workers, context: options.context });
    return { client, baseUrl: coordinator.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startOnPort({ dataDir, port, anyPort, context }: EmbeddedOptions): Promise<CoordinatorHandle> {
  const common = {
    dataDir,
    host: "127.0.0.1",
    ...WATCH_DEFAULTS,
    joinSite: openTabSite(),
    logger: await fileLogger(join(dataDir, "coordinator.log")),
  };
  try {
    return await startCoordinator({ ...common, port });
  } catch (error) {
    if (!anyPort || errorCode(error) !== "port_in_use") throw error;
    const coordinator = await startCoordinator({ ...common, port: 0 });
    context.stderr.write(`port ${port} is taken, so the coordinator listens on ${new URL(coordinator.url).port}\n`);
    return coordinator;
  }
}

async function startOne(
  options: EmbeddedOptions,
  coordinator: CoordinatorHandle,
  number: number,
): Promise<WorkerHandle> {
  const { dataDir, workers, pools, backends, types, context } = options;
  const name = `local-${number}`;
  return startLocalWorker({
    coordinatorUrl: coordinator.url,
    token: coordinator.adminToken,
    name,
    slots: Math.max(1, Math.floor(availableParallelism() / workers)),
    pools,
    backends,
    types,
    dataDir: join(dataDir, "workers", name),
    env: context.env,
    logger: await fileLogger(join(dataDir, "workers", `${name}.log`)),
  });
}

interface Starting {
  /** Place in the journal before the workers came. */
  seq: number;
  workers: readonly WorkerHandle[];
  context: CliContext;
}

/** Resolves when the coordinator knows all workers: a run submitted earlier could be refused for want of them. */
async function ready(client: Client, { seq, workers, context }: Starting): Promise<void> {
  const enough = new AbortController();
  const registered = async (): Promise<void> => {
    const missing = new Set<string>(workers.map(({ workerId }) => workerId));
    for await (const event of client.events({ after: seq, type: "worker_registered" }, enough.signal)) {
      missing.delete(event.worker_id ?? "");
      if (missing.size === 0) return;
    }
  };
  try {
    await Promise.race([registered(), ...workers.map(refusal), interruption(context)]);
  } finally {
    enough.abort();
  }
}

/** Rejects when the coordinator refuses the worker. */
async function refusal(worker: WorkerHandle): Promise<never> {
  const fault = await worker.ended;
  throw fault === null ? assayError("interrupted", "a worker ended while it was starting") : faultError(fault);
}

/** Rejects when the user does not want to wait any longer. */
function interruption({ interrupts }: CliContext): Promise<never> {
  return new Promise((_, reject) => {
    const give = (): void => reject(assayError("interrupted", "interrupted while starting"));
    if (interrupts.signal.aborted) give();
    else interrupts.signal.addEventListener("abort", give, { once: true });
  });
}
