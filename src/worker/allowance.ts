import type { Clock } from "../base/index.ts";

/** So much per second; what is not used adds up to one second's worth. */
export class Allowance {
  private readonly perSecond: number;
  private readonly clock: Clock;
  private left: number;
  private filledAtMs: number;

  constructor(perSecond: number, clock: Clock) {
    this.perSecond = perSecond;
    this.clock = clock;
    this.left = perSecond;
    this.filledAtMs = clock.monotonicMs();
  }

  /** Takes as much as there is of the wanted; the answer is whole. */
  take(wanted: number): number {
    this.refill();
    const taken = Math.max(0, Math.min(wanted, Math.floor(this.left)));
    this.left -= taken;
    return taken;
  }

  /** Takes one, also when there is none left. */
  overdraw(): void {
    this.refill();
    this.left -= 1;
  }

  /** How long until there is one to take; 0 when there is. */
  waitMs(): number {
    this.refill();
    return this.left >= 1 ? 0 : ((1 - this.left) / this.perSecond) * 1000;
  }

  private refill(): void {
    const nowMs = this.clock.monotonicMs();
    this.left = Math.min(this.perSecond, this.left + ((nowMs - this.filledAtMs) / 1000) * this.perSecond);
    this.filledAtMs = nowMs;
  }
}
