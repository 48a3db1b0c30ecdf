import { assert } from "../base/index.ts";
import { normalQuantile, normalTail } from "./normal.ts";
import { quantileOfSorted } from "./quantiles.ts";
import type { Interval } from "./welch.ts";

/** Above it the normal approximation differs by less than a thousandth. */
const MOST_EXACT = 40;

export interface RankSumTest {
  /** Pairs in which the value of `a` is greater; ties count half. */
  readonly u: number;
  /** Two-sided: how often ranks lie at least so far apart when both come from one distribution. */
  readonly p: number;
  /** Cliff's delta, from -1 (all of `a` below all of `b`) to 1 (N. Cliff, Psychological Bulletin 114, 1993). */
  readonly delta: number;
}

/**
 * The test of Wilcoxon, Mann and Whitney (Ann. Math. Stat. 18, 1947): exact without ties and up to 40 samples in all, else normal with
 * corrections for ties and continuity, as R's `wilcox.test` does. Needs a sample on each side.
 */
export function rankSumTest(a: readonly number[], b: readonly number[]): RankSumTest {
  assert(a.length > 0 && b.length > 0, "a rank test needs samples on both sides");
  const pairs = a.length * b.length;
  let u = 0;
  for (const left of a) for (const right of b) u += left > right ? 1 : left === right ? 0.5 : 0;
  const tied = tieSizes([...a, ...b]);
  const isExact = tied.length === 0 && a.length + b.length <= MOST_EXACT;
  const p = isExact ? exactP(u, a.length, b.length) : normalP(u, [a.length, b.length], tied);
  return { u, p, delta: (2 * u) / pairs - 1 };
}

/** How many samples share each value that is there more than once. */
function tieSizes(samples: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const sample of samples) counts.set(sample, (counts.get(sample) ?? 0) + 1);
  return [...counts.values()].filter((count) => count > 1);
}

/** Number of orders with each u, by the recurrence of Mann and Whitney over one side's samples. */
function exactP(u: number, countA: number, countB: number): number {
  const pairs = countA * countB;
  // Orders of i of one side among the other's: coefficients of the Gaussian binomial, built factor by factor.
  let orders: number[] = Array.from({ length: pairs + 1 }, (_, at) => (at === 0 ? 1 : 0));
  for (let i = 1; i <= countA; i += 1) {
    const next = [...orders];
    for (let at = pairs; at >= countB + i; at -= 1) next[at] = (next[at] ?? 0) - (next[at - countB - i] ?? 0);
    for (let at = i; at <= pairs; at += 1) next[at] = (next[at] ?? 0) + (next[at - i] ?? 0);
    orders = next;
  }
  const all = orders.reduce((sum, count) => sum + count, 0);
  const least = Math.min(u, pairs - u);
  const tail = orders.slice(0, Math.floor(least) + 1).reduce((sum, count) => sum + count, 0);
  return Math.min(1, (2 * tail) / all);
}

function normalP(u: number, [countA, countB]: readonly [number, number], tied: readonly number[]): number {
  const all = countA + countB;
  const ties = tied.reduce((sum, size) => sum + size ** 3 - size, 0);
  const variance = ((countA * countB) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  const away = Math.max(0, Math.abs(u - (countA * countB) / 2) - 0.5);
  return Math.min(1, 2 * normalTail(away / Math.sqrt(variance)));
}

export interface Shift extends Interval {
  /** The median of all differences: by how much `a` lies above `b`. */
  readonly value: number;
}

/**
 * By how much `a` lies above `b`, in the samples' unit: the median of all pairs' differences (J. L. Hodges, E. L. Lehmann, Ann. Math. Stat.
 * 34, 1963) and the interval that the rank test gives for it, by its normal approximation.
 */
export function shiftBetween(a: readonly number[], b: readonly number[], confidence = 0.95): Shift {
  assert(a.length > 0 && b.length > 0, "a shift needs samples on both sides");
  const differences = a.flatMap((left) => b.map((right) => left - right)).sort((x, y) => x - y);
  const pairs = differences.length;
  const z = normalQuantile((1 + confidence) / 2);
  const reach = z * Math.sqrt((pairs * (a.length + b.length + 1)) / 12);
  const rank = Math.max(0, Math.floor(pairs / 2 - reach));
  return {
    value: quantileOfSorted(differences, 0.5),
    low: differences[rank] ?? 0,
    high: differences[pairs - 1 - rank] ?? 0,
  };
}
