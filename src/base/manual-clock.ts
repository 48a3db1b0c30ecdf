import type { Clock, Timer } from "./clock.ts";

/** A clock that stands still until it is told to move: for tests and simulations. */
export interface ManualClock extends Clock {
  /** Moves on by `ms` and runs what falls due on the way, in order of time, then of being set. */
  advance(ms: number): void;
  /** Timers that are set and neither run nor cancelled. */
  readonly pendingTimers: number;
}

interface Pending extends Timer {
  readonly atMs: number;
  readonly action: () => void;
}

/** `startMs` is the first wall time; the monotonic time starts at 0. */
export function manualClock(startMs = 0): ManualClock {
  let elapsedMs = 0;
  const pending = new Set<Pending>();
  const nextUntil = (endMs: number): Pending | undefined => {
    let first: Pending | undefined;
    for (const timer of pending) if (timer.atMs <= endMs && timer.atMs < (first?.atMs ?? Infinity)) first = timer;
    return first;
  };
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    setTimer(delayMs, action) {
      const timer: Pending = { atMs: elapsedMs + Math.max(delayMs, 0), action, cancel: () => pending.delete(timer) };
      pending.add(timer);
      return timer;
    },
    advance(ms) {
      const endMs = elapsedMs + ms;
      for (let timer = nextUntil(endMs); timer !== undefined; timer = nextUntil(endMs)) {
        pending.delete(timer);
        elapsedMs = timer.atMs;
        timer.action();
      }
      elapsedMs = endMs;
    },
    get pendingTimers() {
      return pending.size;
    },
  };
}
