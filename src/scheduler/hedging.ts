import type { JournalEventOf } from "../contracts/index.ts";
import { chooseWorker, leaseEvent } from "./placement.ts";
import type { Lease, State } from "./state.ts";

/** A straggler takes so many times as long as expected, and at least so long. */
export const HEDGE_FACTOR = 2;
export const HEDGE_AFTER_MS = 1_000;
/** Without history an attempt is compared with so many of its run that have succeeded. */
const LEAST_FINISHED = 5;

/**
 * Second attempts beside stragglers that allow it, on workers that nothing else can use now; the first result counts. Called
 * after everything that waits was placed. O(running attempts that allow it).
 */
export function nextHedge(state: State, nowMs: number): JournalEventOf<"attempt_leased"> | null {
  for (const lease of state.watch.hedgeable) {
    if (!isStraggler(lease, nowMs)) continue;
    const worker = state.workers.get(lease.workerId);
    const choice = chooseWorker(state, lease.task, worker);
    if (!choice || choice.worker.standing !== "idle") continue;
    const aheadMs = nowMs - (lease.startedAtMs ?? nowMs);
    if (choice.expected !== null && lease.expectedMs !== null && choice.expected > Math.max(aheadMs, lease.expectedMs))
      continue;
    return leaseEvent({ task: lease.task, worker: choice.worker, gpus: choice.gpus });
  }
  return null;
}

function isStraggler(lease: Lease, nowMs: number): boolean {
  const { task, startedAtMs, revoked } = lease;
  if (startedAtMs === null || revoked !== null || task.leases.length > 1 || task.cancelRequested) return false;
  const { count, durationMs } = task.run.finished;
  const usual = lease.expectedMs ?? (count >= LEAST_FINISHED ? durationMs / count : null);
  if (usual === null) return false;
  return nowMs - startedAtMs >= Math.max(HEDGE_FACTOR * usual, HEDGE_AFTER_MS);
}
