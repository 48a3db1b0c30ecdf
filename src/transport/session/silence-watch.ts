import type { Clock, Timer } from "../../base/index.ts";

/** A timer that comes so much later than it should was held up by this process itself, which heard nobody meanwhile. */
const LAG_MS = 250;

/**
 * Notices that nothing was heard for a while. Hearing something costs no timer. A process that stood still begins anew:
 * what was sent to it meanwhile has still to be read.
 */
export class SilenceWatch {
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly onSilence: () => void;
  private heardMs: number;
  private timer: Timer;

  constructor(clock: Clock, timeoutMs: number, onSilence: () => void) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.onSilence = onSilence;
    this.heardMs = clock.monotonicMs();
    this.timer = this.arm(timeoutMs);
  }

  /** Something came; `nowMs` is monotonic. */
  heard(nowMs: number): void {
    this.heardMs = nowMs;
  }

  stop(): void {
    this.timer.cancel();
  }

  private arm(delayMs: number): Timer {
    const dueMs = this.clock.monotonicMs() + delayMs;
    return this.clock.setTimer(delayMs, () => {
      const nowMs = this.clock.monotonicMs();
      if (nowMs - dueMs > LAG_MS) this.heardMs = nowMs;
      const leftMs = this.heardMs + this.timeoutMs - nowMs;
      if (leftMs > 0) this.timer = this.arm(leftMs);
      else this.onSilence();
    });
  }
}
