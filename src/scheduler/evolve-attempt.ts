import { assert } from "../base/index.ts";
import type { JournalEventOf } from "../contracts/index.ts";
import { beginTrials, settleTrial } from "./evolve-avoidance.ts";
import { expectedOn } from "./expectation.ts";
import { learn } from "./learning.ts";
import { isPreemptible } from "./preemption.ts";
import { refreshStanding, servedLast } from "./profile.ts";
import { countAttempt } from "./quarantine.ts";
import { release, reserve } from "./resources.ts";
import { countRunning } from "./share-tree.ts";
import type { Lease, State, Task, WorkerRecord } from "./state.ts";
import { setTimer } from "./timers.ts";
import { makeReady, mustLease, mustTask, mustWorker, setTaskState } from "./transition.ts";

/** The worker enforces the time limit; the coordinator steps in this much later, when the worker did not. */
export const DEADLINE_MARGIN_MS = 60_000;

export function evolveLease(state: State, event: JournalEventOf<"attempt_leased">, atMs: number): void {
  const task = mustTask(state, event);
  const worker = mustWorker(state, event.workerId);
  const isHedge = task.state === "running" && task.leases.length === 1;
  assert((task.state === "queued" && task.leases.length === 0) || isHedge, `task ${task.taskId} is free to be leased`);
  const lease: Lease = {
    leaseSeq: state.seq,
    task,
    attempt: event.attempt,
    workerId: event.workerId,
    hardware: event.hardware,
    gpus: event.gpus ?? NO_GPUS,
    alternative: event.alternative ?? 0,
    leasedAtMs: atMs,
    expectedMs: expectedOn(state, task, worker),
    startedAtMs: null,
    deadlineMs: null,
    revoked: null,
    timer: null,
  };
  task.leases = task.leases.length === 0 ? [lease] : [...task.leases, lease];
  indexLease(state, worker, lease);
  if (!isHedge) setTaskState(state, task, "leased");
  beginTrials(state, worker, lease);
  refreshStanding(state, worker);
  // Few tasks are spread over the workers that fit; of many, each worker gets all that it can start, in one message.
  if (state.tree.waiting <= worker.profile.idle.size) servedLast(worker);
}

const NO_GPUS: readonly number[] = [];
const NO_LEASES: readonly Lease[] = [];

/** Everything that counts a lease; its reverse is `unindexLease`. */
export function indexLease(state: State, worker: WorkerRecord, lease: Lease): void {
  const { task } = lease;
  state.leases.set(lease.leaseSeq, lease);
  worker.leases.set(lease.leaseSeq, lease);
  reserve(state, worker, lease);
  refreshMachine(state, worker, lease);
  countRunning(task.run.node, 1, lease.leasedAtMs);
  if (isPreemptible(task)) countPreemptible(state, task, 1);
  if (task.spec.hedge === true) state.watch.hedgeable.add(lease);
}

function unindexLease(state: State, worker: WorkerRecord, lease: Lease): void {
  const { task } = lease;
  state.leases.delete(lease.leaseSeq);
  worker.leases.delete(lease.leaseSeq);
  release(state, worker, lease);
  refreshMachine(state, worker, lease);
  countRunning(task.run.node, -1, lease.leasedAtMs);
  if (isPreemptible(task)) countPreemptible(state, task, -1);
  state.watch.hedgeable.delete(lease);
  setTimer(state, { lease }, null);
}

function countPreemptible(state: State, task: Task, change: 1 | -1): void {
  const { preemptible } = state.watch;
  preemptible[task.spec.priority] = (preemptible[task.spec.priority] ?? 0) + change;
}

/** Whoever has a machine for itself keeps its other workers busy. */
function refreshMachine(state: State, worker: WorkerRecord, lease: Lease): void {
  if (!lease.task.requirementClass.demand.exclusive) return;
  for (const other of worker.machine.workers) refreshStanding(state, other);
}

/** By the coordinator's clock, not the worker's: the two may be far apart, and what is left of its time is reckoned from it. */
export function evolveStart(state: State, event: JournalEventOf<"attempt_started">, atMs: number): void {
  const task = mustTask(state, event);
  const lease = task.leases.find((one) => one.attempt === event.attempt);
  assert(lease, `attempt ${event.attempt} of ${task.taskId} holds a lease`);
  lease.startedAtMs = atMs;
  lease.deadlineMs = atMs + task.spec.timeout_seconds * 1000 + DEADLINE_MARGIN_MS;
  setTimer(state, { lease }, lease.deadlineMs);
  if (task.state === "leased") setTaskState(state, task, "running");
}

export function evolveRevoke(state: State, event: JournalEventOf<"attempt_revoked">): void {
  mustLease(state, event.leaseSeq).revoked = event.running ? "running" : "waiting";
}

export function evolveAttemptEnd(state: State, event: JournalEventOf<"attempt_finished">, atMs: number): void {
  const task = mustTask(state, event);
  const lease = mustLease(state, event.leaseSeq);
  assert(lease.task === task, `attempt ${event.attempt} of ${task.taskId} holds the lease`);
  const { attempt, leaseSeq, workerId } = lease;
  const failureClass = event.failure?.class ?? null;
  const { outcome, digest, after } = event;
  task.past = [...task.past, { attempt, leaseSeq, workerId, outcome, failureClass, digest, conflicted: false }];
  task.leases = task.leases.length === 1 ? NO_LEASES : task.leases.filter((one) => one !== lease);
  const worker = mustWorker(state, workerId);
  unindexLease(state, worker, lease);
  settleTrial(state, leaseSeq, { outcome, failureClass });
  if (event.payload !== undefined) task.payload = event.payload;
  // Of a health check only its own end is looked at.
  if (task.run.checks === undefined) {
    countAttempt(state, worker, { runId: task.run.runId, outcome, failureClass });
    if (outcome === "succeeded")
      learn(state, { worker, lease, startedAtMs: event.startedAtMs, finishedAtMs: event.finishedAtMs });
  }
  if (after.state === "queued") {
    setTaskState(state, task, "queued");
    task.notBeforeMs = after.notBeforeMs > atMs ? after.notBeforeMs : 0;
    if (task.notBeforeMs === 0) makeReady(state, task);
    else setTimer(state, { task }, task.notBeforeMs);
  } else if (after.state !== "running") {
    if (after.state === "failed") task.failureClass = failureClass;
    setTaskState(state, task, after.state);
  }
  refreshStanding(state, worker);
}
