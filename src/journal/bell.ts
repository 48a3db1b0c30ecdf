import type { Clock } from "../base/index.ts";

/** Wakes everybody who waits for something to have changed. Note `rings` before looking; a ring since then ends `wait` at once. */
export class Bell {
  private count = 0;
  private readonly waiting = new Set<() => void>();

  get rings(): number {
    return this.count;
  }

  ring(): void {
    this.count += 1;
    for (const wake of this.waiting) wake();
  }

  /** Settles once `rings` is past `seen`, the signal is aborted, or the poll interval is over; never rejects. */
  async wait(seen: number, signal: AbortSignal, poll?: { clock: Clock; everyMs: number }): Promise<void> {
    if (this.count !== seen || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = poll?.clock.setTimer(poll.everyMs, resolve);
    this.waiting.add(resolve);
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort);
    await promise;
    signal.removeEventListener("abort", onAbort);
    this.waiting.delete(resolve);
    timer?.cancel();
  }
}
