import { expectedMs, machineKey, speedOf } from "./estimates.ts";
import type { Profile } from "./profile.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** What is to be expected of the time to come, from the expected durations of what runs and what waits. */
export interface Horizon {
  /** When all that waits and runs would be done if every worker took its part. */
  readonly horizonMs: number;
  /** When the first worker of a profile is expected to have a free slot; absent for profiles without a lease. */
  readonly freeInMs: ReadonlyMap<Profile, number>;
}

/** Below this no task is worth waiting for another machine: what waits keeps every worker busy for longer. O(profiles). */
export function optimisticHorizonMs(state: State): number {
  return state.load.waitingMs / Math.max(totalSpeed(state), Number.MIN_VALUE);
}

function totalSpeed(state: State): number {
  let speed = 0;
  for (const profile of state.profiles.values())
    speed += profile.slots * speedOf(state.estimates, machineKey(profile, null));
  return speed;
}

/** O(profiles + leases): worked out at most once in a pass, and only when a task might better wait. */
export function horizonOf(state: State, nowMs: number): Horizon {
  const freeInMs = new Map<Profile, number>();
  let runningMs = 0;
  for (const lease of state.leases.values()) {
    const worker = state.workers.get(lease.workerId);
    if (!worker || lease.expectedMs === null || worker.state !== "ready") continue;
    const leftMs = lease.leasedAtMs + lease.expectedMs - nowMs;
    // Far beyond its time: nobody knows when it ends.
    if (leftMs < -lease.expectedMs) continue;
    const left = Math.max(leftMs, 0);
    runningMs += left * speedOf(state.estimates, machineKey(worker.profile, lease.hardware));
    freeInMs.set(worker.profile, Math.min(left, freeInMs.get(worker.profile) ?? Number.POSITIVE_INFINITY));
  }
  const speed = Math.max(totalSpeed(state), Number.MIN_VALUE);
  return { horizonMs: (state.load.waitingMs + runningMs) / speed, freeInMs };
}

/** Whether a busy machine that fits is expected to end the task sooner than the chosen worker, and all else in the meantime. */
export function isBetterLater(
  state: State,
  task: Task,
  at: { choice: { worker: WorkerRecord; expected: number | null }; horizon: Horizon },
): boolean {
  const { choice, horizon } = at;
  const hereMs = choice.expected ?? 0;
  if (hereMs <= horizon.horizonMs) return false;
  for (const [profile, freeMs] of horizon.freeInMs) {
    const match = profile.classes.get(task.requirementClass);
    if (!match) continue;
    const thereMs = expectedMs(state.estimates, task.workKey, machineKey(profile, match.hardware));
    if (thereMs !== null && freeMs + thereMs < hereMs) return true;
  }
  return false;
}
