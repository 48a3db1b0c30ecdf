import { fullJitterMs, hashText, seededRng } from "../base/index.ts";
import type { WorkerId } from "../base/index.ts";
import type { AfterAttempt, Failure } from "../contracts/index.ts";
import type { Task } from "./state.ts";

/** A task that was running on this many different workers when they were lost is not given to another. */
export const POISON_AFTER_WORKERS = 3;
/** Nor one that was lost so often, if only because there is no other worker. */
export const MAX_LOSSES = 10;
const LONGEST_DELAY_MS = 10 * 60_000;

/** The workers that were lost while they ran the task, each once; `workerId` is lost now. */
export function lostUnder({ past }: Pick<Task, "past">, workerId?: WorkerId): WorkerId[] {
  const before = past.filter(({ failureClass }) => failureClass === "worker_lost").map((one) => one.workerId);
  return [...new Set(workerId === undefined ? before : [...before, workerId])];
}

/** The failure as the task tells it: a task that took too many workers with it is poison. */
export function namePoison(task: Task, failure: Failure, workerId: WorkerId): Failure {
  const workers = lostUnder(task, workerId);
  if (failure.class !== "worker_lost" || workers.length < POISON_AFTER_WORKERS) return failure;
  const message = `${failure.message} The task is poison: ${workers.join(", ")} were lost while they ran it.`;
  return { ...failure, reason: "poison", message };
}

/**
 * What becomes of a task whose attempt failed. Each class of failure has its own budget: `assertion` and `cancelled` are
 * never tried again, the loss of a worker is not the task's fault until it was under too many of them, all others share the limit
 * of the task's retry policy, each by itself. A health check is an attempt by itself. Delays: exponential back-off with full jitter, seeded by the task, so that the
 * same state gives the same decision.
 */
export function afterFailure(
  task: Task,
  failed: { failure: Failure; workerId: WorkerId; nowMs: number },
): AfterAttempt {
  const { failure, workerId, nowMs } = failed;
  if (task.cancelRequested || failure.class === "cancelled") return { state: "cancelled" };
  if (failure.class === "assertion") return { state: "failed" };
  const before = task.past.filter((past) => past.failureClass === failure.class).length;
  if (failure.class === "worker_lost") {
    const isOver = lostUnder(task, workerId).length >= POISON_AFTER_WORKERS || before + 1 >= MAX_LOSSES;
    return isOver || task.run.checks !== undefined ? { state: "failed" } : { state: "queued", notBeforeMs: nowMs };
  }
  const policy = task.spec.retry_policy;
  if (before >= policy.max_retries) return { state: "failed" };
  const rng = seededRng(hashText(`${task.run.runId}/${task.taskId}/${task.past.length}`));
  const baseMs = policy.retry_delay_seconds * 1000;
  return {
    state: "queued",
    notBeforeMs: nowMs + fullJitterMs(rng, { baseMs, maxMs: Math.max(LONGEST_DELAY_MS, baseMs), failures: before }),
  };
}
