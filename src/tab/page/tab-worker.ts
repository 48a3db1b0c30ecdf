import { asWorkerId, seededRng, systemClock } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { CapabilityDocument, JoinResponse } from "../../contracts/index.ts";
import { TabModelExecutor } from "../../executors/index.ts";
import type { DedicatedWorker } from "../../executors/index.ts";
import { ExecutorHost, measureCapabilities, Outbox, Worker } from "../../worker/index.ts";
import type { ArtifactStore, AttemptFolders, AttemptRunner, LiveView, WorkerLogger } from "../../worker/index.ts";
import { page } from "./browser.ts";
import { dialCoordinator } from "./dial-coordinator.ts";
import type { Seat } from "./seat.ts";
import { browserName, tabPlatform } from "./tab-platform.ts";
import type { TabView } from "./tab-view.ts";

const clock = systemClock;

const logger: WorkerLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};

/** A tab has no folders and stores nothing: models are made in it, and their results are numbers. */
const nothingKept = (): never => {
  throw assayError("dependency_missing", "A tab keeps no files");
};
const folders: AttemptFolders = { make: nothingKept, remove: () => Promise.resolve() };
const blobs: ArtifactStore = {
  put: async () => nothingKept(),
  get: async () => nothingKept(),
  getMany: async () => nothingKept(),
};

/** A worker that is about to run in this page. */
export interface TabWorker {
  capabilities: CapabilityDocument;
  worker: Worker;
}

/** Tries what this browser can do, and makes the worker of it: the production loop with the ports of a page. */
export async function makeTabWorker(identity: JoinResponse, seat: Seat, view: TabView): Promise<TabWorker> {
  const workerId = asWorkerId(identity.worker_id);
  const platform = tabPlatform(workerId);
  const engine = browserName(page.navigator.userAgent);
  const start = (): DedicatedWorker => new page.Worker("/join/run.mjs", { type: "module" }) as DedicatedWorker;
  const executors = [new TabModelExecutor({ start, engine })];
  const capabilities = await measureCapabilities({
    ...{ platform, executors, logger },
    labels: { browser: engine },
    pools: [identity.pool],
    probe: { cacheDir: "", env: {}, clock },
  });
  const worker = new Worker({
    ...{ workerId, capabilities, platform, clock, logger },
    name: identity.name,
    incarnation: crypto.randomUUID(),
    slots: 1,
    reserve: 0,
    dial: (signal) => dialCoordinator({ url: page.location.origin, token: identity.token, signal }),
    outbox: new Outbox(seat.outbox(), logger),
    memory: seat.commands(),
    runner: (live) => {
      const shown: LiveView = {
        log: (leaseSeq, stream, text) => live.log(leaseSeq, stream, text),
        progress: (leaseSeq, report) => {
          view.progress(report.fraction);
          live.progress(leaseSeq, report);
        },
        end: (leaseSeq) => live.end(leaseSeq),
      };
      const ports = { folders, blobs, artifacts: blobs, live: shown };
      return watched(new ExecutorHost({ ...ports, executors, workerId, cacheDir: "", env: {}, clock, logger }), view);
    },
    // A page that is being closed still runs these.
    // Called as a method of these options, which a function of the page refuses to be.
    defer: (action) => queueMicrotask(action),
    rng: seededRng(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0),
  });
  return { capabilities, worker };
}

function watched(runner: AttemptRunner, view: TabView): AttemptRunner {
  return {
    run: async (item, controller) => {
      view.started(item);
      const end = await runner.run(item, controller);
      view.ended(end.result);
      return end;
    },
    cancelled: (item, reason) => runner.cancelled(item, reason),
  };
}
