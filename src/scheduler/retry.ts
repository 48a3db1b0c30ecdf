import { fullJitterMs, hashText, seededRng } from "../base/index.ts";
import type { AfterAttempt, Failure } from "../contracts/index.ts";
import type { Task } from "./state.ts";

/** A task that was running on this many workers when they were lost is not given to another. */
export const POISON_AFTER_WORKERS = 3;
const LONGEST_DELAY_MS = 10 * 60_000;

/**
 * What becomes of a task whose attempt failed. Each class of failure has its own budget: `assertion` and `cancelled` are
 * never tried again, the loss of a worker is not the task's fault and has a budget of its own, all others share the limit of
 * the task's retry policy, each by itself. Delays: exponential back-off with full jitter, seeded by the task, so that the
 * same state gives the same decision.
 */
export function afterFailure(task: Task, failure: Failure, nowMs: number): AfterAttempt {
  if (task.cancelRequested || failure.class === "cancelled") return { state: "cancelled" };
  if (failure.class === "assertion") return { state: "failed" };
  const before = task.past.filter((past) => past.failureClass === failure.class).length;
  if (failure.class === "worker_lost") {
    return before + 1 >= POISON_AFTER_WORKERS ? { state: "failed" } : { state: "queued", notBeforeMs: nowMs };
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
