import type { JournalEventOf } from "../contracts/index.ts";
import { reclassify, refreshReady } from "./requirement-class.ts";
import type { State, WorkerRecord } from "./state.ts";
import { setTimer } from "./transition.ts";

/** A new leader has no sessions: every worker must come back within the grace time, none is lost by the change alone. */
export function openEpoch(state: State, event: JournalEventOf<"epoch_opened">, atMs: number): void {
  state.epoch = event.epoch;
  for (const worker of state.workers.values()) {
    worker.sessionId = null;
    if (worker.state === "lost") continue;
    worker.state = "suspect";
    worker.timerMs = atMs + event.graceMs;
    setTimer(state, worker, worker.timerMs);
    refreshReady(worker);
  }
}

export function registerWorker(state: State, event: JournalEventOf<"worker_registered">, atMs: number): void {
  const known = state.workers.get(event.workerId);
  const draining = known?.incarnation === event.incarnation && known.draining;
  const fresh = {
    name: event.name,
    incarnation: event.incarnation,
    sessionId: event.sessionId,
    capabilities: event.capabilities,
    slots: event.slots,
    credits: event.credits,
    state: draining ? ("draining" as const) : ("ready" as const),
    draining,
    timerMs: null,
    reportedAtMs: atMs,
  };
  const worker: WorkerRecord = known
    ? Object.assign(known, fresh)
    : { workerId: event.workerId, ...fresh, timer: null, leases: new Set(), classes: new Set(), isReady: false };
  state.workers.set(worker.workerId, worker);
  setTimer(state, worker, null);
  reclassify(state, worker);
  refreshReady(worker);
}
