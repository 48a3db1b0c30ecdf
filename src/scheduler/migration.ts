import type { JournalEventOf } from "../contracts/index.ts";
import { revocation } from "./revocation.ts";
import type { Lease, State, WorkerRecord } from "./state.ts";

/** What a worker holds in reserve is left to it for so long: most of it starts by then. */
export const MIGRATE_AFTER_MS = 1_000;
/** A worker that takes twice as long as expected is slow. */
const SLOW_PACE = Math.LN2;
const MAX_LOOKED_AT = 256;

/**
 * Leases in reserve that another worker could start now, or whose worker is wanted as a whole by another task: they are called
 * back, and go on only when the worker has handed them over, so no attempt runs twice. O(workers with a reserve), bounded.
 */
export function migrations(state: State, nowMs: number): JournalEventOf<"attempt_revoked">[] {
  const events: JournalEventOf<"attempt_revoked">[] = [];
  let looked = 0;
  for (const worker of state.watch.overfull) {
    if ((looked += 1) > MAX_LOOKED_AT) break;
    for (const lease of reserveOf(worker)) {
      const reason = reasonToMove({ worker, lease, nowMs });
      if (reason !== null) events.push(revocation(lease, { running: false, reason }));
    }
  }
  return events;
}

/** The leases of a worker that have not started, the latest first, as many as are above its slots. */
function reserveOf(worker: WorkerRecord): Lease[] {
  const waiting = [...worker.leases.values()].filter((lease) => lease.startedAtMs === null).reverse();
  return waiting.slice(0, Math.max(0, worker.leases.size - worker.slots)).filter((lease) => lease.revoked === null);
}

function reasonToMove({ worker, lease, nowMs }: { worker: WorkerRecord; lease: Lease; nowMs: number }): string | null {
  if (worker.claim && worker.claim.task !== lease.task) return "its worker is kept free for another task";
  if (worker.state === "quarantined") return "its worker is in quarantine";
  if (nowMs - lease.leasedAtMs < MIGRATE_AFTER_MS) return null;
  for (const profile of lease.task.requirementClass.ready) {
    for (const other of profile.idle) {
      if (other.pace < worker.pace + SLOW_PACE) return "another worker can start it now";
      break;
    }
  }
  return null;
}

/** Calls back what has not started of leases that their worker does not fit any more. */
export function unfitReserve(leases: readonly Lease[]): JournalEventOf<"attempt_revoked">[] {
  return leases
    .filter((lease) => lease.startedAtMs === null && lease.revoked === null)
    .map((lease) => revocation(lease, { running: false, reason: "the worker does not fit any more" }));
}
