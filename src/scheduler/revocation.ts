import type { JournalEventOf } from "../contracts/index.ts";
import type { Lease, Task } from "./state.ts";

/**
 * Asks a worker for a lease back. It hands over what it has not started, and with `running` what it has; until it says so the
 * lease is its own, so an attempt never runs twice.
 */
export function revocation(
  lease: Lease,
  why: { running: boolean; reason: string; by?: Task },
): JournalEventOf<"attempt_revoked"> {
  const { task, leaseSeq, attempt, workerId } = lease;
  return {
    type: "attempt_revoked",
    runId: task.run.runId,
    taskId: task.taskId,
    attempt,
    leaseSeq,
    workerId,
    running: why.running,
    reason: why.reason,
    ...(why.by ? { by: { runId: why.by.run.runId, taskId: why.by.taskId } } : {}),
  };
}
