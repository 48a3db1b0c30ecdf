import { asRunId, asTaskId } from "../base/index.ts";
import type { AfterAttempt, AttemptOutcome, Failure, FinishedItem, JournalEventOf } from "../contracts/index.ts";
import { done } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { afterFailure } from "./retry.ts";
import type { Lease, State, Task } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;
type AttemptFinished = JournalEventOf<"attempt_finished">;

/** The task that a worker holds under this lease, or undefined when the lease is no longer its own. */
function heldBy(
  state: State,
  command: { workerId: string; leaseSeq: number },
): { task: Task; lease: Lease } | undefined {
  const task = state.leases.get(command.leaseSeq);
  const lease = task?.lease;
  return task && lease && lease.workerId === command.workerId ? { task, lease } : undefined;
}

export function decideStarted(state: State, command: Of<"attempt_started">): Decision {
  const held = heldBy(state, command);
  if (!held || held.task.state !== "leased") return done();
  return done({ type: "attempt_started", ...refOf(held.task, held.lease), startedAtMs: command.startedAtMs });
}

/**
 * A result counts only under its current lease. The same result again gets the same answer; another one for an attempt that
 * has a result is recorded as a conflict; a result of a lease that was taken away is stale.
 */
export function decideFinished(state: State, command: Of<"attempt_finished">, nowMs: number): Decision {
  const { item, workerId, digest } = command;
  const leaseSeq = item.lease_seq;
  const held = heldBy(state, { workerId, leaseSeq });
  if (!held || held.task.taskId !== item.result.task_id) return answerLate(state, command);
  const { task, lease } = held;
  const { outcome, failure } = judge(item, task);
  const after: AfterAttempt = failure
    ? afterFailure(task, failure, nowMs)
    : { state: task.cancelRequested ? "cancelled" : "completed" };
  const event: AttemptFinished = {
    type: "attempt_finished",
    ...refOf(task, lease),
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
  return { events: [event], reply: { type: "ack", leaseSeq, verdict: "accepted" } };
}

function judge(item: FinishedItem, task: Task): { outcome: AttemptOutcome; failure: Failure | null } {
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
      return { outcome: "cancelled", failure: result.failure ?? { class: "cancelled", message: "Cancelled." } };
  }
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

/** The worker gives a lease back that it did not use: the task waits again, and nothing counts against it. */
export function decideReleased(state: State, command: Of<"attempt_released">, nowMs: number): Decision {
  const held = heldBy(state, command);
  return held ? done(preempted(held.task, held.lease, nowMs)) : done();
}

export function preempted(task: Task, lease: Lease, nowMs: number): AttemptFinished {
  const after: AfterAttempt = task.cancelRequested ? { state: "cancelled" } : { state: "queued", notBeforeMs: nowMs };
  return { ...endedWithoutResult(task, lease, nowMs), outcome: "preempted", failure: null, after };
}

/** The worker of the attempt is gone, or does not know the lease. */
export function lostAttempt(task: Task, lease: Lease, end: { nowMs: number; message: string }): AttemptFinished {
  const failure: Failure = { class: "worker_lost", message: end.message };
  return {
    ...endedWithoutResult(task, lease, end.nowMs),
    outcome: "lost",
    failure,
    after: afterFailure(task, failure, end.nowMs),
  };
}

/** The attempt ran past its time limit and the worker did not end it. */
export function overdueAttempt(task: Task, lease: Lease, nowMs: number): AttemptFinished {
  const failure: Failure = {
    class: "timeout",
    message: `Took longer than ${task.spec.timeout_seconds} s, and the worker did not end it.`,
  };
  return {
    ...endedWithoutResult(task, lease, nowMs),
    outcome: "timed_out",
    failure,
    after: afterFailure(task, failure, nowMs),
  };
}

function endedWithoutResult(
  task: Task,
  lease: Lease,
  nowMs: number,
): Omit<AttemptFinished, "outcome" | "failure" | "after"> {
  return {
    type: "attempt_finished",
    ...refOf(task, lease),
    leaseSeq: lease.leaseSeq,
    workerId: lease.workerId,
    startedAtMs: lease.startedAtMs,
    finishedAtMs: nowMs,
    result: null,
    digest: null,
  };
}

export function refOf(
  task: Task,
  lease: Lease,
): { runId: Task["run"]["runId"]; taskId: Task["taskId"]; attempt: number } {
  return { runId: task.run.runId, taskId: task.taskId, attempt: lease.attempt };
}
