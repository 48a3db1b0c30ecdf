import type { Clock, Timer } from "../base/index.ts";

export interface RegularLookOptions {
  clock: Clock;
  /** From the end of a look to the next. */
  intervalMs: number;
  /** Must not reject. */
  look: () => Promise<void>;
}

/** Looks at something again and again, until it is stopped. */
export class RegularLook {
  private readonly options: RegularLookOptions;
  private timer: Timer;
  private looking: Promise<void> = Promise.resolve();
  private ended = false;

  constructor(options: RegularLookOptions) {
    this.options = options;
    this.timer = this.next();
  }

  get stopped(): boolean {
    return this.ended;
  }

  /** Resolves when the look that is under way has come to its end. */
  stop(): Promise<void> {
    this.ended = true;
    this.timer.cancel();
    return this.looking;
  }

  private next(): Timer {
    return this.options.clock.setTimer(this.options.intervalMs, () => {
      this.looking = this.look();
    });
  }

  private async look(): Promise<void> {
    await this.options.look();
    if (!this.ended) this.timer = this.next();
  }
}
