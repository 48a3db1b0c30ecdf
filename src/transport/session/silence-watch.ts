import type { Clock, Timer } from "../../base/index.ts";

/** Notices that nothing was heard for a while. Hearing something costs no timer. */
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
    return this.clock.setTimer(delayMs, () => {
      const leftMs = this.heardMs + this.timeoutMs - this.clock.monotonicMs();
      if (leftMs > 0) this.timer = this.arm(leftMs);
      else this.onSilence();
    });
  }
}
