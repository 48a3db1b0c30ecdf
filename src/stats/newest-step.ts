import { lagOneCorrelation, prewhitened } from "./prewhitening.ts";
import { quantileOfSorted, sortedCopy, standardDeviation } from "./quantiles.ts";
import { robustSummary } from "./robust-summary.ts";
import { criticalT } from "./student-t.ts";

/** Fewer values before the step say too little of the noise. */
export const LEAST_BEFORE = 10;
const MOST_BEFORE = 200;
/** A value farther out than so many deviations counts as so far out: one spike is no step. */
const FARTHEST = 3;
/** Fewer values on the new level may be a spike, or two. */
const LEAST_SINCE = 3;
/**
 * The place of the step is chosen, and chance chooses too: as often as among so many independent places, times the rate itself (from
 * simulated normal noise; `npm run bench:detect` shows what comes of it on noise of other shapes).
 */
const CHOICES = 1.2;

export interface StepOptions {
  /** How often a value of a series without any step raises an alarm, about: 0.001 is one in a thousand. */
  readonly falseAlarms?: number;
  /** How many values back the step may be; at least three. */
  readonly reach?: number;
  /** Smallest change that counts, as part of the level before. */
  readonly leastChange?: number;
}

/** A series is on another level since its newest few values. */
export interface Step {
  /** The first value on the new level. */
  readonly index: number;
  /** Medians before and since. */
  readonly before: number;
  readonly after: number;
  /** Standard deviations of the noise before. */
  readonly deviation: number;
  /** The mean since, in the deviations that chance gives the mean of so many. Negative for a step down. */
  readonly score: number;
}

/**
 * Whether the newest values of a series lie on another level than those before, judged at each new value: the likelihood ratio, largest over
 * the places where the step may be (D. Siegmund, E. S. Venkatraman, Ann. Stat. 23, 1995), of scores that are clipped (P. J. Huber, Ann. Math. Stat. 35,
 * 1964), so that spikes are none, against Student's t, as the noise is known from so few values only. Autocorrelated noise is prewhitened.
 * The oldest value comes first; the values are those since the last step that is known.
 */
export function newestStep(values: readonly number[], options: StepOptions = {}): Step | null {
  const { falseAlarms = 0.001, reach = 5, leastChange = 0 } = options;
  const white = prewhitened(values, lagOneCorrelation(values.slice(0, -reach)));
  let best: Step | null = null;
  for (let since = LEAST_SINCE; since <= reach; since += 1) {
    const index = values.length - since;
    const from = Math.max(0, index - MOST_BEFORE);
    const count = index - from;
    if (count < LEAST_BEFORE) break;
    const noise = noiseOf(white.slice(from, index));
    const sum = white.slice(index).reduce((total, value) => total + noise.scoreOf(value), 0);
    const score = sum / Math.sqrt(since + (since * since) / count);
    if (Math.abs(score) < Math.max(boundOf(count, falseAlarms), Math.abs(best?.score ?? 0))) continue;
    const before = medianOf(values.slice(from, index));
    const after = medianOf(values.slice(index));
    if (Math.abs(after - before) < leastChange * Math.abs(before)) continue;
    best = { index, before, after, deviation: noise.deviation, score };
  }
  return best;
}

const bounds = new Map<string, number>();

function boundOf(count: number, falseAlarms: number): number {
  const key = `${count} ${falseAlarms}`;
  const bound = bounds.get(key) ?? criticalT(falseAlarms / CHOICES, count - 1);
  bounds.set(key, bound);
  return bound;
}

function medianOf(values: readonly number[]): number {
  return quantileOfSorted(sortedCopy(values), 0.5);
}

interface Noise {
  deviation: number;
  scoreOf(value: number): number;
}

/** Scores have the mean 0 and the deviation 1 over the noise itself. */
function noiseOf(before: readonly number[]): Noise {
  const { median, deviation: robust, q1, q3 } = robustSummary(before);
  const plain = standardDeviation(before) ?? 0;
  // Half of the values may be equal, and noise of two modes has a middle without values.
  const deviation = Math.max(robust, (q3 - q1) / 1.349, plain / FARTHEST);
  if (deviation === 0) return { deviation: 0, scoreOf: (value) => Math.sign(value - median) * FARTHEST };
  const clip = (value: number): number => Math.max(-FARTHEST, Math.min(FARTHEST, (value - median) / deviation));
  const scores = before.map(clip);
  const middle = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const spread = standardDeviation(scores) ?? 1;
  return { deviation, scoreOf: (value) => (clip(value) - middle) / spread };
}

/** How sure extra runs have to be: of a suspicion that chance raised they confirm one in so many. */
const CONFIRMED_BY_CHANCE = 0.005;

/**
 * Whether extra runs on the new level confirm a step: their mean lies on the same side of the values before, farther away than chance explains. The
 * runs are of one commit, on the machine on which the values before were measured.
 */
export function confirmsStep(before: readonly number[], extra: readonly number[], step: Pick<Step, "score">): boolean {
  const values = before.slice(-MOST_BEFORE);
  if (values.length < LEAST_BEFORE || extra.length === 0) return false;
  const noise = noiseOf(values);
  const sum = extra.reduce((total, value) => total + noise.scoreOf(value), 0);
  const score = sum / Math.sqrt(extra.length + extra.length ** 2 / values.length);
  return (
    Math.sign(score) === Math.sign(step.score) && Math.abs(score) >= criticalT(CONFIRMED_BY_CHANCE, values.length - 1)
  );
}
