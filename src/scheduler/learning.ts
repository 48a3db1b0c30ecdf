import { cacheKeyOf, expectedMs, machineKey, observe } from "./estimates.ts";
import { refreshGuess } from "./expectation.ts";
import { refreshSpeed } from "./profile.ts";
import type { Lease, State, WorkerRecord } from "./state.ts";

/** How many models and workspaces a worker is believed to have in its cache. */
const MAX_WARM = 64;
/** How far one attempt moves a worker's pace. */
const PACE_STEP = 0.2;
const MAX_PACE = Math.log(100);

/** Learns from a success how long the work takes, how fast the worker is, and what is in its cache. */
export function learn(
  state: State,
  done: { worker: WorkerRecord; lease: Lease; startedAtMs: number | null; finishedAtMs: number },
): void {
  const { worker, lease } = done;
  const { task } = lease;
  const durationMs = Math.max(done.finishedAtMs - (done.startedAtMs ?? lease.startedAtMs ?? done.finishedAtMs), 1);
  const { hardware } = lease;
  const { keys } = worker.profile;
  // A guess from other tasks says nothing of the worker.
  const usualMs = expectedMs(state.estimates, task.workKey, machineKey(worker.profile, hardware));
  if (usualMs !== null && usualMs > 0) {
    const difference = Math.min(Math.max(Math.log(durationMs / usualMs) - worker.pace, -1), 1);
    worker.pace = Math.min(Math.max(worker.pace + PACE_STEP * difference, -MAX_PACE), MAX_PACE);
  }
  observe(state.estimates, { workKey: task.workKey, keys, hardware, durationMs }, task.run.lengths);
  refreshSpeed(state, worker.profile);
  refreshGuess(state, task.run);
  const key = cacheKeyOf(task.spec);
  if (key !== null) warmUp(state, worker, key);
}

function warmUp(state: State, worker: WorkerRecord, key: string): void {
  const others = worker.warm.filter((one) => one !== key);
  const forgotten = others.length >= MAX_WARM ? others.shift() : undefined;
  worker.warm = [...others, key];
  indexWarm(state, worker, key);
  if (forgotten !== undefined) unindexWarm(state, worker, forgotten);
}

export function indexWarm(state: State, worker: WorkerRecord, key: string): void {
  const workers = state.warm.get(key);
  if (workers) workers.add(worker);
  else state.warm.set(key, new Set([worker]));
}

export function unindexWarm(state: State, worker: WorkerRecord, key: string): void {
  const workers = state.warm.get(key);
  workers?.delete(worker);
  if (workers?.size === 0) state.warm.delete(key);
}
