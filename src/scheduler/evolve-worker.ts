import { stateOnline } from "../contracts/index.ts";
import type { CapabilityDocument, JournalEventOf } from "../contracts/index.ts";
import { joinClaims, leaveClaim } from "./claims.ts";
import { healthy, planCheck } from "./quarantine.ts";
import { noteReconnect, steady } from "./flapping.ts";
import { isEqual } from "./compact-spec.ts";
import { joinProfile, leaveProfile, refreshStanding } from "./profile.ts";
import { joinMachine, leaveMachine, poolOf } from "./resources.ts";
import type { State, WorkerRecord } from "./state.ts";
import { armWorker, setTimer } from "./timers.ts";

/** A worker that was lost is remembered this long, as hardware that is known to exist. */
const FORGET_WORKER_MS = 24 * 3600_000;

/** A new leader has no sessions: every worker must come back within the grace time, none is lost by the change alone. */
export function openEpoch(state: State, event: JournalEventOf<"epoch_opened">, atMs: number): void {
  state.epoch = event.epoch;
  state.healthCheckMs = event.healthCheckMs ?? 0;
  for (const worker of state.workers.values()) {
    worker.sessionId = null;
    // That they connect again is not their doing.
    worker.steadiness.reconnectsMs = [];
    if (worker.state !== "lost") goOffline(state, worker, { state: "suspect", timerMs: atMs + event.graceMs });
  }
}

export function registerWorker(state: State, event: JournalEventOf<"worker_registered">, atMs: number): void {
  const known = state.workers.get(event.workerId);
  const draining = known?.incarnation === event.incarnation && known.draining;
  if (known && known.sessionId !== event.sessionId) noteReconnect(known.steadiness, atMs);
  const facts = {
    name: event.name,
    incarnation: event.incarnation,
    sessionId: event.sessionId,
    slots: event.slots,
    credits: event.credits,
    state: "ready" as const,
    draining,
    timerMs: null,
    reportedAtMs: atMs,
  };
  const worker = known
    ? Object.assign(known, facts)
    : addWorker(state, {
        workerId: event.workerId,
        pace: 0,
        warm: [],
        steadiness: steady(),
        health: healthy(),
        commands: [],
        ...facts,
        capabilities: event.capabilities,
      });
  if (known) adapt(state, worker, event.capabilities);
  planCheck(state, worker);
  comeOnline(state, worker);
}

/** A worker that speaks. */
export function comeOnline(state: State, worker: WorkerRecord): void {
  const { workerId, draining, steadiness } = worker;
  const quarantined = state.quarantines.has(workerId);
  worker.state = stateOnline({ draining, quarantined, heldUntilMs: steadiness.heldUntilMs }, state.nowMs);
  worker.timerMs = null;
  armWorker(state, worker);
  refreshStanding(state, worker);
}

export function isOnline({ state }: WorkerRecord): boolean {
  return state !== "suspect" && state !== "lost";
}

/** It has no session, or is silent in it: its time runs. */
export function suspectWorker(state: State, worker: WorkerRecord, event: JournalEventOf<"worker_suspected">): void {
  if (!event.connected) worker.sessionId = null;
  goOffline(state, worker, { state: "suspect", timerMs: event.lostAtMs });
}

export function loseWorker(state: State, worker: WorkerRecord, atMs: number): void {
  worker.sessionId = null;
  goOffline(state, worker, { state: "lost", timerMs: atMs + FORGET_WORKER_MS });
}

function goOffline(state: State, worker: WorkerRecord, next: { state: "suspect" | "lost"; timerMs: number }): void {
  Object.assign(worker, next);
  armWorker(state, worker);
  refreshStanding(state, worker);
}

/** Nobody is judged by what he did while nobody looked. */
export function excuse(state: State, stalledMs: number): void {
  for (const worker of state.workers.values()) {
    if (worker.state !== "suspect" || worker.timerMs === null) continue;
    worker.timerMs += stalledMs;
    armWorker(state, worker);
  }
  for (const lease of state.leases.values()) {
    if (lease.deadlineMs === null) continue;
    lease.deadlineMs += stalledMs;
    setTimer(state, { lease }, lease.deadlineMs);
  }
}

/** What of a worker is not derived from anything else. */
export type WorkerFacts = Pick<
  WorkerRecord,
  | "workerId"
  | "name"
  | "incarnation"
  | "sessionId"
  | "slots"
  | "credits"
  | "state"
  | "draining"
  | "timerMs"
  | "reportedAtMs"
  | "pace"
  | "warm"
  | "steadiness"
  | "health"
  | "commands"
  | "capabilities"
>;

/** A worker without leases, with its indexes; its standing is still to be worked out. */
export function addWorker(state: State, facts: WorkerFacts): WorkerRecord {
  const { capabilities } = facts;
  const worker: WorkerRecord = {
    ...facts,
    timer: null,
    check: null,
    leases: new Map(),
    profile: joinProfile(state, facts.workerId, capabilities),
    resources: poolOf(capabilities, []),
    machine: { hostname: capabilities.hostname, workers: new Set(), leases: 0, exclusive: null },
    claim: null,
    countedSlots: 0,
    standing: "busy",
  };
  worker.machine = joinMachine(state, worker, capabilities.hostname);
  joinClaims(state, worker);
  state.workers.set(worker.workerId, worker);
  return worker;
}

/** Capabilities changed: another profile, other resources, perhaps another machine. What it holds it keeps. */
function adapt(state: State, worker: WorkerRecord, capabilities: CapabilityDocument): void {
  // Most come back as they were: their profile need not be compared with all classes again.
  if (isEqual(capabilities, worker.capabilities)) return;
  leaveProfile(state, worker);
  worker.profile = joinProfile(state, worker.workerId, capabilities);
  worker.resources = poolOf(capabilities, worker.leases.values());
  if (worker.machine.hostname !== capabilities.hostname) {
    const left = worker.machine;
    leaveClaim(worker);
    leaveMachine(state, worker);
    worker.machine = joinMachine(state, worker, capabilities.hostname);
    joinClaims(state, worker);
    // An attempt that has its machine for itself came with the worker.
    for (const machine of [left, worker.machine])
      for (const other of machine.workers) if (other !== worker) refreshStanding(state, other);
  }
  worker.capabilities = capabilities;
}
