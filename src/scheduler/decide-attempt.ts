import { asRunId, asTaskId } from "../base/index.ts";
import type {
  AfterAttempt,
  AttemptOutcome,
  Failure,
  FinishedItem,
  JournalEvent,
  JournalEventOf,
} from "../contracts/index.ts";
import { done } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { recallPeers } from "./groups.ts";
import { afterFailure, namePoison } from "./retry.ts";
import type { Lease, State, Task, WorkerRecord } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;
type AttemptFinished = JournalEventOf<"attempt_finished">;

/** The lease, when the worker still holds it; undefined when it is no longer its own. */
function heldBy(state: State, command: { workerId: string; leaseSeq: number }): Lease | undefined {
  const lease = state.leases.get(command.leaseSeq);
  return lease?.workerId === command.workerId ? lease : undefined;
}

export function decideStarted(state: State, command: Of<"attempt_started">): Decision {
  const lease = heldBy(state, command);
  if (!lease || lease.startedAtMs !== null) return done();
  return done({ type: "attempt_started", ...refOf(lease), startedAtMs: command.startedAtMs });
}

/** What the attempt would leave for the next one; the same again is not written again. */
export function decideProgressed(state: State, command: Of<"attempt_progressed">): Decision {
  const lease = heldBy(state, command);
  const { leaseSeq, payload } = command;
  if (!lease || lease.task.payload === payload) return done();
  return done({ type: "attempt_progressed", ...refOf(lease), leaseSeq, payload });
}

/**
 * A result counts only under its current lease. The same result again gets the same answer; another one for an attempt that
 * has a result is recorded as a conflict; a result of a lease that was taken away is stale.
 */
export function decideFinished(state: State, command: Of<"attempt_finished">, nowMs: number): Decision {
  const { item, workerId, digest } = command;
  const leaseSeq = item.lease_seq;
  const lease = heldBy(state, { workerId, leaseSeq });
  if (!lease || lease.task.taskId !== item.result.task_id) return answerLate(state, command);
  const { task } = lease;
  const { outcome, failure } = judge(item, lease);
  const after = afterEnd(lease, { outcome, failure, nowMs });
  const event: AttemptFinished = {
    type: "attempt_finished",
    ...refOf(lease),
    leaseSeq,
    workerId,
    outcome,
    startedAtMs: item.started_at_ms,
    finishedAtMs: item.finished_at_ms,
    result: item.result,
    digest,
    failure,
    after,
  };
  // The other attempt of a hedged task ends first, so that the task is over with the one that counts.
  const others = after.state === "queued" || after.state === "running" ? [] : superseded(task, lease, nowMs);
  return { events: [...others, ...ending(event, lease)], reply: { type: "ack", leaseSeq, verdict: "accepted" } };
}

/** An ended attempt, and the recall of its group when it must start anew. */
function ending(event: AttemptFinished, { task }: Lease): JournalEvent[] {
  return event.after.state === "queued" && task.group ? [event, ...recallPeers(task.group, task)] : [event];
}

const NONE: readonly AttemptFinished[] = [];

function superseded(task: Task, winner: Lease, nowMs: number): readonly AttemptFinished[] {
  if (task.leases.length === 1) return NONE;
  return task.leases
    .filter((lease) => lease !== winner)
    .map((lease) => ({
      ...endedWithoutResult(lease, nowMs),
      outcome: "cancelled" as const,
      failure: null,
      after: { state: "running" as const },
    }));
}

function judge(item: FinishedItem, { task, revoked }: Lease): { outcome: AttemptOutcome; failure: Failure | null } {
  const { result } = item;
  switch (result.status) {
    case "completed":
      return { outcome: "succeeded", failure: null };
    case "failed":
      return {
        outcome: "failed",
        failure: result.failure ?? { class: "assertion", message: "The worker gave no reason." },
      };
    case "timed_out":
      return {
        outcome: "timed_out",
        failure: result.failure ?? { class: "timeout", message: `Took longer than ${task.spec.timeout_seconds} s.` },
      };
    case "cancelled":
      if (revoked === "running" && !task.cancelRequested) return { outcome: "preempted", failure: null };
      return { outcome: "cancelled", failure: result.failure ?? { class: "cancelled", message: "Cancelled." } };
  }
}

/** What becomes of the task: another attempt of it that still runs may save it. */
function afterEnd(
  lease: Lease,
  end: { outcome: AttemptOutcome; failure: Failure | null; nowMs: number },
): AfterAttempt {
  const { task } = lease;
  const { outcome, failure, nowMs } = end;
  if (outcome === "preempted" && task.run.checks !== undefined) return { state: "cancelled" };
  if (outcome === "succeeded") return { state: task.cancelRequested ? "cancelled" : "completed" };
  if (task.leases.length > 1 && failure?.class !== "assertion") return { state: "running" };
  if (failure) return afterFailure(task, { failure, workerId: lease.workerId, nowMs });
  return task.cancelRequested ? { state: "cancelled" } : { state: "queued", notBeforeMs: nowMs };
}

function answerLate(state: State, command: Of<"attempt_finished">): Decision {
  const { item, workerId, digest } = command;
  const leaseSeq = item.lease_seq;
  const task = state.runs.get(asRunId(item.run_id))?.tasks.get(asTaskId(item.result.task_id));
  const past = task?.past.find((one) => one.leaseSeq === leaseSeq && one.workerId === workerId);
  if (!task || !past || past.digest === null) return { events: [], reply: { type: "ack", leaseSeq, verdict: "stale" } };
  if (past.digest === digest) return { events: [], reply: { type: "ack", leaseSeq, verdict: "accepted" } };
  const { runId } = task.run;
  const conflict = {
    type: "result_conflict" as const,
    runId,
    taskId: task.taskId,
    attempt: past.attempt,
    leaseSeq,
    workerId,
    digest,
  };
  return { events: past.conflicted ? [] : [conflict], reply: { type: "ack", leaseSeq, verdict: "conflict" } };
}

/** The worker gives a lease back that it did not use, or had to stop: the task waits again, and nothing counts against it. */
export function decideReleased(state: State, command: Of<"attempt_released">, nowMs: number): Decision {
  const lease = heldBy(state, command);
  return lease ? done(...preempted(lease, nowMs, command.payload)) : done();
}

export function preempted(lease: Lease, nowMs: number, payload?: string): JournalEvent[] {
  const event: AttemptFinished = {
    ...endedWithoutResult(lease, nowMs),
    outcome: "preempted",
    failure: null,
    after: afterEnd(lease, { outcome: "preempted", failure: null, nowMs }),
    ...(payload === undefined ? {} : { payload }),
  };
  return ending(event, lease);
}

/** The worker of the attempt is gone, or does not know the lease. */
export function lostAttempt(lease: Lease, end: { nowMs: number; message: string }): JournalEvent[] {
  return failed(lease, { nowMs: end.nowMs, outcome: "lost", failure: { class: "worker_lost", message: end.message } });
}

/** The attempt ran past its time limit and the worker did not end it. */
export function overdueAttempt(lease: Lease, nowMs: number): JournalEvent[] {
  const message = `Took longer than ${lease.task.spec.timeout_seconds} s, and the worker did not end it.`;
  return failed(lease, { nowMs, outcome: "timed_out", failure: { class: "timeout", message } });
}

function failed(lease: Lease, end: { nowMs: number; outcome: AttemptOutcome; failure: Failure }): JournalEvent[] {
  const { nowMs, outcome } = end;
  const after = afterEnd(lease, end);
  const failure = after.state === "failed" ? namePoison(lease.task, end.failure, lease.workerId) : end.failure;
  return ending({ ...endedWithoutResult(lease, nowMs), outcome, failure, after }, lease);
}

function endedWithoutResult(lease: Lease, nowMs: number): Omit<AttemptFinished, "outcome" | "failure" | "after"> {
  return {
    type: "attempt_finished",
    ...refOf(lease),
    leaseSeq: lease.leaseSeq,
    workerId: lease.workerId,
    startedAtMs: lease.startedAtMs,
    finishedAtMs: nowMs,
    result: null,
    digest: null,
  };
}

/** What becomes of each lease of a worker. */
export function endAll(worker: WorkerRecord | undefined, end: (lease: Lease) => JournalEvent[]): JournalEvent[] {
  return [...(worker?.leases.values() ?? [])].flatMap(end);
}

export function refOf({ task, attempt }: Lease): {
  runId: Task["run"]["runId"];
  taskId: Task["taskId"];
  attempt: number;
} {
  return { runId: task.run.runId, taskId: task.taskId, attempt };
}
