import type { Rng } from "../base/index.ts";
import { prewhitened } from "./prewhitening.ts";
import { quantile } from "./quantiles.ts";

export interface ChangePointOptions {
  readonly rng: Rng;
  /** Most probable of a split where nothing changed. */
  readonly alpha?: number;
  /** Fewest values on each side of a split: a spike alone is no level. */
  readonly leastSegment?: number;
  /** Smallest change that counts, as part of the level before: 0.01 is 1 %. */
  readonly leastChange?: number;
}

/** The level is another one from `index` on. */
export interface ChangePoint {
  readonly index: number;
  /** Medians of the segments on both sides. */
  readonly before: number;
  readonly after: number;
  /** Of the permutation test, of the best of all splits. */
  readonly p: number;
}

/**
 * Where the distribution of a series changes: hierarchical E-divisive with exponent 1 (D. S. Matteson, N. A. James, JASA 109, 2014). The
 * test permutes the segment and takes its best split anew, so p stays true although the split was chosen; (z + 1) / (R + 1), never zero.
 * Autocorrelated noise is prewhitened. Ascending. O(n²) for each permutation.
 */
export function changePoints(values: readonly number[], options: ChangePointOptions): ChangePoint[] {
  const { rng, alpha = 0.001, leastSegment = 5, leastChange = 0 } = options;
  const white = prewhitened(values);
  const splits = new Map<number, number>();
  const open: [from: number, to: number][] = [[0, white.length]];
  for (let segment = open.pop(); segment !== undefined; segment = open.pop()) {
    const [from, to] = segment;
    const part = white.slice(from, to);
    const best = bestSplit(part, leastSegment);
    if (best === null) continue;
    const p = permutationP(part, best.score, { rng, alpha, leastSegment });
    if (p > alpha) continue;
    const at = from + best.index;
    splits.set(at, p);
    open.push([from, at], [at, to]);
  }
  return withLevels(values, splits, leastChange);
}

/** Splits between levels too near to each other are taken out, the nearest first, and the levels beside them join. */
function withLevels(
  values: readonly number[],
  splits: ReadonlyMap<number, number>,
  leastChange: number,
): ChangePoint[] {
  let indexes = [...splits.keys()].sort((a, b) => a - b);
  while (true) {
    const found = indexes.map((index, order) => {
      const before = quantile(values.slice(indexes[order - 1] ?? 0, index), 0.5);
      const after = quantile(values.slice(index, indexes[order + 1] ?? values.length), 0.5);
      return { index, before, after, p: splits.get(index) ?? 1 };
    });
    const smallest = found
      .map((point) => ({ point, size: changeSize(point) }))
      .sort((a, b) => a.size - b.size)
      .at(0);
    if (smallest === undefined || smallest.size >= leastChange) return found;
    indexes = indexes.filter((index) => index !== smallest.point.index);
  }
}

function changeSize({ before, after }: Pick<ChangePoint, "before" | "after">): number {
  return before === 0 ? (after === 0 ? 0 : Infinity) : Math.abs(after / before - 1);
}

export interface Split {
  index: number;
  score: number;
}

/** The split at which both sides differ most, weighed by their sizes; null where a side would be too short. */
export function bestSplit(values: readonly number[], leastSegment: number): Split | null {
  const count = values.length;
  if (count < 2 * leastSegment) return null;
  // Sums of distances: within the left side, between the sides, within the right side; each step moves one value over.
  let left = 0;
  let between = 0;
  let right = 0;
  for (let i = 0; i < count; i += 1) for (let j = i + 1; j < count; j += 1) right += distance(values, i, j);
  let best: Split | null = null;
  for (let at = 1; at <= count - leastSegment; at += 1) {
    let toLeft = 0;
    let toRight = 0;
    for (let other = 0; other < at - 1; other += 1) toLeft += distance(values, other, at - 1);
    for (let other = at; other < count; other += 1) toRight += distance(values, at - 1, other);
    left += toLeft;
    right -= toRight;
    between += toRight - toLeft;
    if (at < leastSegment) continue;
    const rest = count - at;
    const energy = (2 * between) / (at * rest) - (2 * left) / (at * (at - 1)) - (2 * right) / (rest * (rest - 1));
    const score = ((at * rest) / count) * energy;
    if (best === null || score > best.score) best = { index: at, score };
  }
  return best;
}

function distance(values: readonly number[], i: number, j: number): number {
  return Math.abs((values[i] ?? 0) - (values[j] ?? 0));
}

function permutationP(
  values: readonly number[],
  score: number,
  { rng, alpha, leastSegment }: { rng: Rng; alpha: number; leastSegment: number },
): number {
  const permutations = Math.ceil(1 / alpha) - 1;
  const shuffled = [...values];
  for (let done = 1; done <= permutations; done += 1) {
    for (let index = shuffled.length - 1; index > 0; index -= 1) {
      const other = rng.below(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other] as number, shuffled[index] as number];
    }
    // With so few permutations one as good is enough to say no.
    if ((bestSplit(shuffled, leastSegment)?.score ?? -Infinity) >= score) return 2 / (done + 1);
  }
  return 1 / (permutations + 1);
}
