import { expectedMs, guessedMs, machineKey, meanWork } from "./estimates.ts";
import type { Profile } from "./profile.ts";
import type { Run, State, Task, WorkerRecord } from "./state.ts";

/** Standard deviations that a task which was never seen may be longer than most of its run before it counts as a surprise. */
const LATE_DEVIATIONS = 2.5;

function keyFor(task: Task, profile: Profile): string {
  return machineKey(profile, profile.classes.get(task.requirementClass)?.hardware ?? null);
}

/** How long a task is expected to take on workers of a profile, by its own history, else by its run; null when nothing is known. */
export function expectedFor(state: State, task: Task, profile: Profile): number | null {
  const key = keyFor(task, profile);
  return (
    expectedMs(state.estimates, task.workKey, key) ??
    guessedMs(state.estimates, task.run.lengths, { key, deviations: 0 })
  );
}

/** How long it takes at the most, surprises aside: what counts where being late is worse than being early. */
export function latestFor(state: State, task: Task, profile: Profile): number | null {
  const key = keyFor(task, profile);
  return (
    expectedMs(state.estimates, task.workKey, key) ??
    guessedMs(state.estimates, task.run.lengths, { key, deviations: LATE_DEVIATIONS })
  );
}

export function expectedOn(state: State, task: Task, worker: WorkerRecord): number | null {
  const expected = expectedFor(state, task, worker.profile);
  return expected === null ? null : expected * Math.exp(worker.pace);
}

export function latestOn(state: State, task: Task, worker: WorkerRecord): number | null {
  const latest = latestFor(state, task, worker.profile);
  return latest === null ? null : latest * Math.exp(worker.pace);
}

/** A task comes into the queue (1) or leaves it (-1): its work is counted, by the mean of its run while its own is unknown. */
export function countWork(state: State, task: Task, change: 1 | -1): void {
  const { run, expectedWork } = task;
  if (Number.isFinite(expectedWork)) state.load.waitingMs += change * expectedWork;
  else {
    run.unseen += change;
    state.load.waitingMs += change * run.guessMs;
  }
  // What rounding left over does not add up.
  if (state.tree.waiting === 0) state.load.waitingMs = 0;
}

/** More is known of the lengths of a run's tasks. */
export function refreshGuess(state: State, run: Run): void {
  const guessMs = meanWork(run.lengths);
  state.load.waitingMs += run.unseen * (guessMs - run.guessMs);
  run.guessMs = guessMs;
}
