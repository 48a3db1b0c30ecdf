/** A rate limit: `burst` at once, refilled by `perSecond`. Times are monotonic milliseconds that the caller gives. */
export class TokenBucket {
  private readonly burst: number;
  private readonly perMs: number;
  private tokens: number;
  private filledMs: number;

  constructor(rate: { perSecond: number; burst: number }, nowMs: number) {
    this.burst = rate.burst;
    this.perMs = rate.perSecond / 1_000;
    this.tokens = rate.burst;
    this.filledMs = nowMs;
  }

  /** Takes one; false when there is none left. */
  take(nowMs: number): boolean {
    return this.takeUpTo(1, nowMs) === 1;
  }

  /** Takes as many as there are of the wanted. */
  takeUpTo(wanted: number, nowMs: number): number {
    this.refill(nowMs);
    const taken = Math.max(0, Math.min(wanted, Math.floor(this.tokens)));
    this.tokens -= taken;
    return taken;
  }

  /** Takes one, also when there is none left. */
  overdraw(nowMs: number): void {
    this.refill(nowMs);
    this.tokens -= 1;
  }

  /** How long until there is one to take; 0 when there is. */
  waitMs(nowMs: number): number {
    this.refill(nowMs);
    return this.tokens >= 1 ? 0 : (1 - this.tokens) / this.perMs;
  }

  /** True when it knows nothing that a new bucket would not. */
  isFull(nowMs: number): boolean {
    this.refill(nowMs);
    return this.tokens >= this.burst;
  }

  private refill(nowMs: number): void {
    this.tokens = Math.min(this.burst, this.tokens + (nowMs - this.filledMs) * this.perMs);
    this.filledMs = nowMs;
  }
}
