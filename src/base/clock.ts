/** Something that will happen later and can be called off. */
export interface Timer {
  cancel(): void;
}

/** Time as a parameter, so that tests and the simulator own it. */
export interface Clock {
  /** Wall time, milliseconds since 1970-01-01 UTC. */
  nowMs(): number;
  /** Time that never jumps, milliseconds since an arbitrary start. */
  monotonicMs(): number;
  /** Calls `action` once after `delayMs`. Does not keep the process alive. */
  setTimer(delayMs: number, action: () => void): Timer;
}

/** The longest delay that `setTimeout` honours; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, action) {
    const handle = setTimeout(action, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    if (typeof handle === "object") handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
