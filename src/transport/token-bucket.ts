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
    this.refill(nowMs);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
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
