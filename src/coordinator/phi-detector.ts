/** Most arrivals that are remembered of one session. */
const MAX_SAMPLES = 100;
/** Akka's parameters: a pause that is no sign of anything, and the least that arrivals are taken to vary. */
const ACCEPTABLE_PAUSE_MS = 3_000;
const LEAST_DEVIATION_MS = 100;
/** Suspicion from which on something is taken to be wrong: one alarm in 10^8 is false. */
export const PHI_THRESHOLD = 8;

/**
 * The phi-accrual failure detector (Hayashibara, Défago, Yared, Katayama: The φ Accrual Failure Detector, SRDS 2004):
 *
 *   phi(t) = -log10(P(no arrival for t)), with intervals normally distributed about the mean of those seen
 *
 * and, as in Akka, the mean raised by an acceptable pause and the tail taken from the logistic approximation of the normal
 * distribution, `P = e / (1 + e)` with `e = exp(-y (1.5976 + 0.070566 y²))`, `y = (t - mean) / deviation`. Times are monotonic
 * milliseconds. Beats make the distribution; anything else that arrives only shows that the other side lives. O(1), 100 samples.
 */
export class PhiDetector {
  private readonly samples: number[] = [];
  private next = 0;
  private sum = 0;
  private squares = 0;
  private lastMs: number;
  private lastBeatMs: number;

  /** As long as nothing was seen, beats are expected every `intervalMs`, give or take a quarter. */
  constructor(intervalMs: number, nowMs: number) {
    this.lastMs = nowMs;
    this.lastBeatMs = nowMs;
    this.add(intervalMs * 0.75);
    this.add(intervalMs * 1.25);
  }

  silentMs(nowMs: number): number {
    return nowMs - this.lastMs;
  }

  heard(nowMs: number): void {
    this.lastMs = nowMs;
  }

  beat(nowMs: number): void {
    const intervalMs = nowMs - this.lastBeatMs;
    // A gap that was an outage says nothing about the usual rhythm.
    if (intervalMs < this.mean + ACCEPTABLE_PAUSE_MS) this.add(intervalMs);
    this.lastBeatMs = nowMs;
    this.lastMs = nowMs;
  }

  /** Nobody listened for so long: that nothing was heard then says nothing. */
  excuse(lagMs: number): void {
    this.lastMs += lagMs;
    this.lastBeatMs += lagMs;
  }

  phi(nowMs: number): number {
    const mean = this.mean + ACCEPTABLE_PAUSE_MS;
    const elapsedMs = nowMs - this.lastMs;
    const y = (elapsedMs - mean) / Math.max(this.deviation, LEAST_DEVIATION_MS);
    const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
    return elapsedMs > mean ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e));
  }

  private get mean(): number {
    return this.sum / this.samples.length;
  }

  private get deviation(): number {
    return Math.sqrt(Math.max(this.squares / this.samples.length - this.mean ** 2, 0));
  }

  private add(intervalMs: number): void {
    const old = this.samples[this.next] ?? 0;
    this.samples[this.next] = intervalMs;
    this.next = (this.next + 1) % MAX_SAMPLES;
    this.sum += intervalMs - old;
    this.squares += intervalMs ** 2 - old ** 2;
  }
}
