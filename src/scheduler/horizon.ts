import { latestFor } from "./expectation.ts";
import { machineKey, speedOf } from "./estimates.ts";
import type { Profile } from "./profile.ts";
import type { Lease, Run, State, Task } from "./state.ts";

/** What an attempt beyond its time is expected to take yet, as a part of what it took. */
const OVERDUE_PART = 0.25;

/** How many profiles are asked whether they would end a task sooner, the fastest first. */
const MAX_FASTER = 64;

/** Workers alike that hold leases. */
interface Busy {
  readonly profile: Profile;
  /** Of one of its leases. */
  readonly speed: number;
  /** Of all together. */
  totalSpeed: number;
  /** What is left of their work, at speed 1. */
  leftMs: number;
  /** When the first of them is expected to have a free slot. */
  freeInMs: number;
}

/** What is to be expected of the time to come, from the expected durations of what runs and what waits. */
export interface Horizon {
  /** When all that waits and runs would be done if every worker took its part. */
  readonly horizonMs: number;
  /** When the last attempt that runs is expected to end, by run: nothing that ends earlier makes its run longer. */
  readonly lastEndMs: ReadonlyMap<Run, number>;
  /** The fastest first. */
  readonly busy: readonly Busy[];
}

/** Below this no task is worth waiting for another machine: what waits keeps every worker busy for longer. O(1). */
export function optimisticHorizonMs(state: State): number {
  return state.load.waitingMs / Math.max(state.load.speed, Number.MIN_VALUE);
}

/** O(leases + profiles · log profiles): worked out at most once in a pass, and only when a task might better wait. */
export function horizonOf(state: State, nowMs: number): Horizon {
  const busy = new Map<Profile, Busy>();
  const lastEndMs = new Map<Run, number>();
  let runningMs = 0;
  for (const lease of state.leases.values()) {
    const worker = state.workers.get(lease.workerId);
    if (!worker || lease.expectedMs === null || worker.state !== "ready") continue;
    const { profile } = worker;
    const leftMs = leftOf(lease, lease.expectedMs, nowMs);
    const speed = speedOf(state.estimates, machineKey(profile, lease.hardware));
    let one = busy.get(profile);
    if (!one) busy.set(profile, (one = { profile, speed, totalSpeed: 0, leftMs: 0, freeInMs: leftMs }));
    one.totalSpeed += speed;
    one.leftMs += leftMs * speed;
    one.freeInMs = Math.min(one.freeInMs, leftMs);
    runningMs += leftMs * speed;
    lastEndMs.set(lease.task.run, Math.max(leftMs, lastEndMs.get(lease.task.run) ?? 0));
  }
  const speed = Math.max(state.load.speed, Number.MIN_VALUE);
  const horizonMs = (state.load.waitingMs + runningMs) / speed;
  return { horizonMs, lastEndMs, busy: [...busy.values()].sort((a, b) => b.speed - a.speed) };
}

function leftOf(lease: Lease, expectedMs: number, nowMs: number): number {
  const spentMs = nowMs - (lease.startedAtMs ?? nowMs);
  return Math.max(expectedMs - spentMs, OVERDUE_PART * spentMs);
}

/** Whether all else will not be done before `ms` from now. */
export function isWithin(horizon: Horizon, task: Task, ms: number): boolean {
  return ms <= Math.max(horizon.horizonMs, horizon.lastEndMs.get(task.run) ?? 0);
}

/**
 * Whether faster machines that fit are expected to end a task sooner than `hereMs`, although they are busy: as the next that one of
 * them takes, or with `all` after everything else that waits. O(profiles looked at), bounded.
 */
export function isBetterLater(
  state: State,
  task: Task,
  at: { hereMs: number; horizon: Horizon; all: boolean },
): boolean {
  let speed = 0;
  let queuedMs = at.all ? state.load.waitingMs : 0;
  let looked = 0;
  for (const { profile, totalSpeed, leftMs, freeInMs } of at.horizon.busy) {
    if ((looked += 1) > MAX_FASTER) return false;
    if (!profile.classes.has(task.requirementClass)) continue;
    const thereMs = latestFor(state, task, profile);
    if (thereMs === null || thereMs >= at.hereMs) continue;
    speed += totalSpeed;
    queuedMs += leftMs;
    if ((at.all ? queuedMs / speed : freeInMs) + thereMs < at.hereMs) return true;
  }
  return false;
}
