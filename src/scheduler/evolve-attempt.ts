import { assert } from "../base/index.ts";
import type { JournalEventOf } from "../contracts/index.ts";
import { refreshReady } from "./requirement-class.ts";
import type { Lease, State, Task } from "./state.ts";
import { enqueue, mustTask, mustWorker, setTaskState, setTimer } from "./transition.ts";

/** The worker enforces the time limit; the coordinator steps in this much later, when the worker did not. */
export const DEADLINE_MARGIN_MS = 60_000;

export function evolveLease(state: State, event: JournalEventOf<"attempt_leased">): void {
  const task = mustTask(state, event);
  const worker = mustWorker(state, event.workerId);
  assert(task.state === "queued" && task.lease === null, `task ${task.taskId} is free to be leased`);
  task.lease = {
    leaseSeq: state.seq,
    attempt: event.attempt,
    workerId: event.workerId,
    hardware: event.hardware,
    startedAtMs: null,
    deadlineMs: null,
  };
  state.leases.set(state.seq, task);
  worker.leases.add(state.seq);
  setTaskState(state, task, "leased");
  refreshReady(worker);
  if (worker.isReady) {
    // To the end of the line, so that work spreads over the workers that fit.
    task.requirementClass.ready.delete(worker.workerId);
    task.requirementClass.ready.add(worker.workerId);
  }
}

export function evolveStart(state: State, event: JournalEventOf<"attempt_started">): void {
  const task = mustTask(state, event);
  const lease = mustLease(task);
  lease.startedAtMs = event.startedAtMs;
  armDeadline(state, task, lease);
  setTaskState(state, task, "running");
}

/** Sets the coordinator's own deadline of a started attempt. */
export function armDeadline(state: State, task: Task, lease: Lease): void {
  assert(lease.startedAtMs !== null, "only a started attempt has a deadline");
  lease.deadlineMs = lease.startedAtMs + task.spec.timeout_seconds * 1000 + DEADLINE_MARGIN_MS;
  setTimer(state, task, lease.deadlineMs);
}

export function evolveAttemptEnd(state: State, event: JournalEventOf<"attempt_finished">, atMs: number): void {
  const task = mustTask(state, event);
  const lease = mustLease(task);
  assert(lease.leaseSeq === event.leaseSeq, `attempt ${event.attempt} of ${task.taskId} holds the lease`);
  const { attempt, leaseSeq, workerId } = lease;
  task.past.push({ attempt, leaseSeq, workerId, outcome: event.outcome, digest: event.digest, conflicted: false });
  task.lease = null;
  state.leases.delete(leaseSeq);
  const worker = mustWorker(state, workerId);
  worker.leases.delete(leaseSeq);
  const failureClass = event.failure?.class ?? null;
  if (failureClass !== null) task.failures.set(failureClass, (task.failures.get(failureClass) ?? 0) + 1);
  if (event.after.state === "queued") {
    setTaskState(state, task, "queued");
    task.notBeforeMs = event.after.notBeforeMs > atMs ? event.after.notBeforeMs : 0;
    setTimer(state, task, task.notBeforeMs === 0 ? null : task.notBeforeMs);
    if (task.notBeforeMs === 0) enqueue(task);
  } else {
    if (event.after.state === "failed") task.failureClass = failureClass;
    setTaskState(state, task, event.after.state);
  }
  refreshReady(worker);
}

function mustLease(task: Task): Lease {
  assert(task.lease, `task ${task.taskId} has a lease`);
  return task.lease;
}
