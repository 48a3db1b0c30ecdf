import type { Rng } from "../../base/index.ts";

export interface LoopPlan {
  readonly warmupIterations: number;
  /** Least number of timed iterations … */
  readonly iterations: number;
  /** … and least sum of their times. Both must be reached. */
  readonly minDurationMs: number;
  /** How many randomly chosen iterations' results are kept for a later check. */
  readonly keep: number;
}

export interface LoopEnvironment {
  readonly rng: Rng;
  /** Called between iterations, outside the timed part; throws to stop the loop. */
  readonly cancellationPoint: () => Promise<void>;
  /** Called once, before the first timed iteration. */
  readonly onWarm: () => void;
}

/** An action that is over. */
export interface TimedResult<T> {
  readonly elapsedMs: number;
  /** What came out; only until the next action. */
  outputs(): Promise<T>;
}

export interface LoopResult<T> {
  /** Every timed iteration, in order. */
  readonly samplesMs: readonly number[];
  /** The results of a uniform random subset of the timed iterations. */
  readonly kept: readonly T[];
}

/** A duration alone may ask for millions of short iterations; more samples than this say nothing new. */
const SAMPLE_LIMIT = 100_000;

/**
 * Repeats an action that says how long it took: warm-up first, then until both the count and the duration are reached. Checking happens
 * afterwards, on outputs kept by reservoir sampling, so that looking at them cannot slow the loop; only those are fetched.
 */
export async function timedLoop<T>(
  action: () => Promise<TimedResult<T>>,
  plan: LoopPlan,
  environment: LoopEnvironment,
): Promise<LoopResult<T>> {
  const { rng, cancellationPoint, onWarm } = environment;
  for (let index = 0; index < plan.warmupIterations; index += 1) {
    await action();
    await cancellationPoint();
  }
  onWarm();
  const samplesMs: number[] = [];
  const kept: T[] = [];
  let totalMs = 0;
  while (samplesMs.length < plan.iterations || (totalMs < plan.minDurationMs && samplesMs.length < SAMPLE_LIMIT)) {
    const result = await action();
    samplesMs.push(result.elapsedMs);
    totalMs += result.elapsedMs;
    const slot = kept.length < plan.keep ? kept.length : rng.below(samplesMs.length);
    if (slot < plan.keep) kept[slot] = await result.outputs();
    await cancellationPoint();
  }
  return { samplesMs, kept };
}
