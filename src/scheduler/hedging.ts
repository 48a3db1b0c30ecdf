import type { JournalEventOf } from "../contracts/index.ts";
import { expectedOn } from "./expectation.ts";
import { chooseWorker, leaseEvent } from "./placement.ts";
import type { Choice } from "./placement.ts";
import { quotaAbove } from "./share-tree.ts";
import type { Lease, State } from "./state.ts";

/** A straggler takes so many times as long as expected, and at least so long. */
export const HEDGE_FACTOR = 2;
export const HEDGE_AFTER_MS = 1_000;

/**
 * Second attempts beside stragglers that allow it, on workers that nothing else can use now; the first result counts. Called
 * after everything that waits was placed. O(running attempts that allow it).
 */
export function nextHedge(state: State, nowMs: number): JournalEventOf<"attempt_leased"> | null {
  for (const lease of state.watch.hedgeable) {
    if (!isStraggler(state, lease, nowMs) || quotaAbove(lease.task.run.node)) continue;
    const choice = chooseWorker(state, lease.task, state.workers.get(lease.workerId));
    if (!choice || choice.worker.standing !== "idle") continue;
    if (!isWorthIt(state, lease, { choice, aheadMs: nowMs - (lease.startedAtMs ?? nowMs) })) continue;
    return leaseEvent({ task: lease.task, worker: choice.worker, gpus: choice.gpus });
  }
  return null;
}

/**
 * Whether a second attempt could overtake: it is expected to take no more than half of what the first took until now. A task that was
 * never seen is at least as long as it has run, so only a faster machine will do.
 */
function isWorthIt(state: State, lease: Lease, at: { choice: Choice; aheadMs: number }): boolean {
  const { choice, aheadMs } = at;
  const worker = state.workers.get(lease.workerId);
  const here = worker ? expectedOn(state, lease.task, worker) : null;
  if (choice.expected === null || here === null) return true;
  const isSeen = Number.isFinite(lease.task.expectedWork);
  const thereMs = isSeen ? choice.expected : (aheadMs * choice.expected) / here;
  return HEDGE_FACTOR * thereMs <= Math.max(aheadMs, HEDGE_AFTER_MS);
}

function isStraggler(state: State, lease: Lease, nowMs: number): boolean {
  const { task, startedAtMs, revoked } = lease;
  if (startedAtMs === null || revoked !== null || task.leases.length > 1 || task.cancelRequested) return false;
  // Without history of its own an attempt is compared with others of its run, of which some have ended by now.
  const worker = state.workers.get(lease.workerId);
  const usual = lease.expectedMs ?? (worker ? expectedOn(state, task, worker) : null);
  return usual !== null && nowMs - startedAtMs >= Math.max(HEDGE_FACTOR * usual, HEDGE_AFTER_MS);
}
