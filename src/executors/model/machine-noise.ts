import { quantile } from "../../stats/index.ts";

/** Why a measurement is not to be trusted. */
export type NoiseReason = "noisy_timing" | "busy_machine";

export interface Noise {
  /** Coefficient of variation of the timed iterations, robust: interquartile range / 1.349 / median. `null`: too few iterations. */
  readonly spread: number | null;
  /** The part of all cores that other processes used meanwhile, 0 to 1. `null`: too short to tell. */
  readonly othersLoad: number | null;
}

/** A few long iterations among many do not make a measurement worthless; a spread like this of the middle half does. */
const SPREAD_LIMIT = 0.25;
const OTHERS_LOAD_LIMIT = 0.25;

const LEAST_SAMPLES = 20;
/** The interquartile range of a normal distribution, in standard deviations. */
const IQR_PER_SD = 1.349;

/** The robust coefficient of variation, of 20 samples or more. */
export function spreadOf(samples: readonly number[]): number | null {
  if (samples.length < LEAST_SAMPLES) return null;
  const median = quantile(samples, 0.5);
  return median > 0 ? (quantile(samples, 0.75) - quantile(samples, 0.25)) / IQR_PER_SD / median : null;
}

export function noiseReason({ spread, othersLoad }: Noise): NoiseReason | undefined {
  if (othersLoad !== null && othersLoad > OTHERS_LOAD_LIMIT) return "busy_machine";
  return spread !== null && spread > SPREAD_LIMIT ? "noisy_timing" : undefined;
}

/** Which of several rounds is the best measurement: that with the least noise, whatever its times. */
export function quietest(rounds: readonly Noise[]): number {
  const loudness = rounds.map(({ spread, othersLoad }) =>
    Math.max((spread ?? 0) / SPREAD_LIMIT, (othersLoad ?? 0) / OTHERS_LOAD_LIMIT),
  );
  return loudness.indexOf(Math.min(...loudness));
}

const LONGEST_WAIT_MS = 30_000;

/**
 * The time that noise may cost a launch: no more than `limitMs`, and at no time more than its measurements themselves have taken.
 * So on a machine that stays busy it takes at most twice as long.
 */
export class NoiseBudget {
  private readonly limitMs: number;
  private measuredMs = 0;
  private spentMs = 0;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  /** A batch size was measured for the first time. */
  measured(tookMs: number): void {
    this.measuredMs += Math.ceil(tookMs);
  }

  /** Takes the time for a measurement as long as that; how long to wait before it, or undefined when there is not enough left. */
  again(tookMs: number): number | undefined {
    // Whole milliseconds, so that as much as was measured is never a rounding error too much.
    const againMs = Math.ceil(tookMs);
    const leftMs = Math.min(this.measuredMs, this.limitMs) - this.spentMs - againMs;
    if (leftMs < 0) return undefined;
    const waitMs = Math.min(againMs, leftMs, LONGEST_WAIT_MS);
    this.spentMs += againMs + waitMs;
    return waitMs;
  }
}
