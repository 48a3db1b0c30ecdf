import { holmAdjusted } from "./holm.ts";
import { hedgesG } from "./effect-size.ts";
import { samplesNeeded } from "./power.ts";
import { mean, quantile, standardDeviation } from "./quantiles.ts";
import { rankSumTest, shiftBetween } from "./rank-sum.ts";
import { criticalT } from "./student-t.ts";
import { welchTest } from "./welch.ts";
import type { Interval } from "./welch.ts";

export type ComparisonVerdict = "better" | "worse" | "same" | "cannot_tell_yet";

export interface Sides {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Which values are good, e.g. `lower` for a latency. */
  readonly better: "lower" | "higher";
}

export interface ComparisonOptions {
  /** The smallest change that anybody cares about, as part of the value before. */
  readonly leastChange?: number;
  readonly confidence?: number;
}

export interface Comparison {
  readonly verdict: ComparisonVerdict;
  /** Of the medians, as part of the one before: 0.1 is 10 % more. Null where the one before is 0. */
  readonly change: number | null;
  /** Of the change. */
  readonly interval: Interval | null;
  /** Two-sided; adjusted when several comparisons are judged together. */
  readonly p: number;
  /** In standard deviations. */
  readonly effect: number | null;
  readonly method: "rank-sum" | "welch";
  readonly countBefore: number;
  readonly countAfter: number;
  /** Samples on each side with which the verdict can be expected; null once it is told. */
  readonly needed: number | null;
}

/** From so many samples on each side a rank test is as sharp as one of means, and outliers do not sway it. */
const LEAST_RANKED = 8;
const LEAST_CHANGE = 0.01;

/**
 * What the samples say of a change, all verdicts at once: p-values are adjusted by Holm over all of them. `worse` and `better`: surely not
 * the same, and at least `leastChange` away; `same`: the whole interval lies within `leastChange`; else nothing can be told yet. On
 * logarithms where all values are positive, so that a factor is judged alike in both directions.
 */
export function compareAll(all: readonly Sides[], options: ComparisonOptions = {}): Comparison[] {
  const { leastChange = LEAST_CHANGE, confidence = 0.95 } = options;
  const measured = all.map((sides) => measure(sides, confidence));
  const adjusted = holmAdjusted(measured.map(({ p }) => p));
  return measured.map((one, index) => {
    const p = adjusted[index] ?? 1;
    const verdict = verdictOf({ ...one, p }, all[index] as Sides, { leastChange, confidence });
    return {
      ...one,
      p,
      verdict,
      needed: verdict === "cannot_tell_yet" ? neededFor(all[index] as Sides, one.change, leastChange) : null,
    };
  });
}

/** As `compareAll`, for one. */
export function compareSamples(sides: Sides, options: ComparisonOptions = {}): Comparison {
  return compareAll([sides], options)[0] as Comparison;
}

type Measured = Omit<Comparison, "verdict" | "needed">;

function measure({ before, after }: Sides, confidence: number): Measured {
  const counts = { countBefore: before.length, countAfter: after.length };
  const least = Math.min(before.length, after.length);
  if (least === 0) return { ...counts, change: null, interval: null, p: 1, effect: null, method: "welch" };
  const scale = scaleOf(before, after);
  const [from, to] = [before.map(scale.to), after.map(scale.to)];
  const method = least >= LEAST_RANKED ? "rank-sum" : "welch";
  const p = method === "rank-sum" ? rankSumTest(to, from).p : (welchTest(to, from)?.p ?? 1);
  const reach = method === "rank-sum" ? shiftBetween(to, from, confidence) : meanShift(to, from, confidence);
  const asChange = (shift: number): number => scale.change(shift);
  return {
    ...counts,
    change: finite(asChange(quantile(to, 0.5) - quantile(from, 0.5))),
    interval:
      reach === null || !Number.isFinite(asChange(reach.low) + asChange(reach.high))
        ? null
        : { low: asChange(reach.low), high: asChange(reach.high) },
    p,
    effect: hedgesG(to, from),
    method,
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

interface Scale {
  to: (value: number) => number;
  /** A shift on this scale as part of the value before. */
  change: (shift: number) => number;
}

function scaleOf(before: readonly number[], after: readonly number[]): Scale {
  if ([...before, ...after].every((value) => value > 0)) return { to: Math.log, change: Math.expm1 };
  const level = Math.abs(quantile(before, 0.5));
  return { to: (value) => value, change: (shift) => shift / level };
}

/** Welch's interval of the difference of two means; null where a side has no spread to judge by. */
function meanShift(a: readonly number[], b: readonly number[], confidence: number): Interval | null {
  const test = welchTest(a, b);
  if (test === null) return null;
  const difference = mean(a) - mean(b);
  const error = Math.sqrt([a, b].reduce((sum, side) => sum + (standardDeviation(side) ?? 0) ** 2 / side.length, 0));
  const reach = error === 0 ? 0 : error * criticalT(1 - confidence, test.degrees);
  return { low: difference - reach, high: difference + reach };
}

function verdictOf(
  { interval, change, p }: Measured,
  { better }: Sides,
  { leastChange, confidence }: { leastChange: number; confidence: number },
): ComparisonVerdict {
  if (interval === null || change === null) return "cannot_tell_yet";
  if (interval.low > -leastChange && interval.high < leastChange) return "same";
  const isSure = p <= 1 - confidence && Math.sign(interval.low) === Math.sign(interval.high);
  if (!isSure || Math.abs(change) < leastChange) return "cannot_tell_yet";
  return change > 0 === (better === "higher") ? "better" : "worse";
}

/** For the change that was seen, or for the smallest that counts when less was seen. */
function neededFor({ before, after }: Sides, change: number | null, leastChange: number): number | null {
  if (change === null) return null;
  const scale = scaleOf(before, after);
  const spreads = [before, after].map((side) => standardDeviation(side.map(scale.to)));
  if (spreads.some((spread) => spread === null)) return null;
  const deviation = Math.sqrt(spreads.reduce<number>((sum, spread) => sum + (spread ?? 0) ** 2, 0) / 2);
  const effect = Math.max(Math.abs(change), leastChange);
  const needed = samplesNeeded({ deviation: scale.change(deviation), effect });
  return Math.max(needed, Math.min(before.length, after.length) + 1);
}
