import type { Clock, Timer } from "../base/index.ts";

/**
 * How long the follower is left asleep after a commit. Woken by each one, its thread would take the processor from those who wait for
 * the answer at that moment; what it does with the batches can wait, and nobody notices because a question wakes it at once.
 */
const PAUSE_MS = 50;

/** Tells the follower of committed batches: many with one hint, the first of them at most `PAUSE_MS` late. */
export class HintPause {
  private readonly clock: Clock;
  private readonly send: (batchSeq: number) => void;
  private batchSeq = 0;
  private timer: Timer | undefined;

  constructor(clock: Clock, send: (batchSeq: number) => void) {
    this.clock = clock;
    this.send = send;
  }

  committed(batchSeq: number): void {
    this.batchSeq = batchSeq;
    this.timer ??= this.clock.setTimer(PAUSE_MS, () => this.end());
  }

  /** Tells at once what there is to tell. */
  end(): void {
    if (!this.timer) return;
    this.timer.cancel();
    this.timer = undefined;
    this.send(this.batchSeq);
  }
}
