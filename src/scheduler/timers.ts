import type { State, TimerEntry, WorkerRecord } from "./state.ts";

/** Sets the one timer of a task, lease, worker, pattern or mute, or takes it away. */
export function setTimer(state: State, subject: TimerEntry["subject"], atMs: number | null): void {
  const owner: { timer: TimerEntry | null } =
    "task" in subject
      ? subject.task
      : "lease" in subject
        ? subject.lease
        : "worker" in subject
          ? subject.worker
          : "pattern" in subject
            ? subject.pattern
            : subject.mute;
  if (owner.timer) state.timers.remove(owner.timer);
  owner.timer = atMs === null ? null : { atMs, subject, heapIndex: -1 };
  if (owner.timer) state.timers.add(owner.timer);
}

/** Sets a worker's timer to what is due next in its state. */
export function armWorker(state: State, worker: WorkerRecord): void {
  setTimer(state, { worker }, dueMs(worker));
}

function dueMs({ state, timerMs, steadiness, health }: WorkerRecord): number | null {
  switch (state) {
    case "suspect":
    case "lost":
      return timerMs;
    case "flapping":
      return steadiness.heldUntilMs;
    case "ready":
    case "quarantined":
      return health.checkAtMs;
    case "draining":
    case "left":
      return null;
  }
}
