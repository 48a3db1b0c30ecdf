import { logGamma } from "./gamma.ts";

/**
 * Counts of two groups: of `inside` attempts `insideHits` had an event, of `outside` ones `outsideHits`.
 */
export interface TwoByTwo {
  inside: number;
  insideHits: number;
  outside: number;
  outsideHits: number;
}

/** Relative tolerance by which two probabilities count as equal, as in R's `fisher.test`. */
const TIE = 1e-7;

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** Probabilities of each number of hits inside, from `from` on, given all the margins. */
interface Distribution {
  from: number;
  probabilities: number[];
}

/** The hypergeometric distribution of the hits inside. O(hits). */
function distributionOf({ inside, insideHits, outside, outsideHits }: TwoByTwo): Distribution {
  const hits = insideHits + outsideHits;
  const from = Math.max(0, hits - outside);
  const to = Math.min(inside, hits);
  const all = logChoose(inside + outside, hits);
  const probabilities: number[] = [];
  for (let count = from; count <= to; count += 1)
    probabilities.push(Math.exp(logChoose(inside, count) + logChoose(outside, hits - count) - all));
  return { from, probabilities };
}

function upperTail({ from, probabilities }: Distribution, least: number): number {
  return Math.min(
    1,
    probabilities.slice(Math.max(0, least - from)).reduce((sum, one) => sum + one, 0),
  );
}

/**
 * Fisher's exact test (R. A. Fisher, Statistical Methods for Research Workers, 1934, §21.02). `greater`: probability of at least
 * as many hits inside when hits do not depend on the group. `twoSided`: of any table that is not more probable than this one.
 */
export function fisherExact(table: TwoByTwo): { greater: number; twoSided: number } {
  const distribution = distributionOf(table);
  const own = distribution.probabilities[table.insideHits - distribution.from] ?? 0;
  const asRare = distribution.probabilities.filter((one) => one <= own * (1 + TIE));
  return {
    greater: upperTail(distribution, table.insideHits),
    twoSided: Math.min(
      1,
      asRare.reduce((sum, one) => sum + one, 0),
    ),
  };
}

/**
 * The same one-sided test over several tables that are each compared within themselves: the exact conditional test of Cochran,
 * Mantel and Haenszel (C. R. Mehta, N. R. Patel, R. Gray, JASA 80, 1985; R's `mantelhaen.test(exact = TRUE)`). A difference
 * between the tables does not count. O(hits²).
 */
export function stratifiedExact(tables: readonly TwoByTwo[]): number {
  let total: Distribution = { from: 0, probabilities: [1] };
  let hits = 0;
  for (const table of tables) {
    hits += table.insideHits;
    total = convolve(total, distributionOf(table));
  }
  return upperTail(total, hits);
}

function convolve(a: Distribution, b: Distribution): Distribution {
  if (b.probabilities.length === 1) return { from: a.from + b.from, probabilities: a.probabilities };
  const probabilities = Array.from({ length: a.probabilities.length + b.probabilities.length - 1 }, () => 0);
  for (const [left, chance] of a.probabilities.entries())
    for (const [right, other] of b.probabilities.entries())
      probabilities[left + right] = (probabilities[left + right] ?? 0) + chance * other;
  return { from: a.from + b.from, probabilities };
}

/** Standard deviations of an interval of 95 %. */
const Z95 = 1.959963984540054;

/**
 * The odds ratio of hits, inside against outside, and its interval of 95 %, by Woolf's logarithmic method with half a count
 * added to each cell (J. B. S. Haldane 1956, F. J. Anscombe 1956), so that it is finite with empty cells.
 */
export function oddsRatio({ inside, insideHits, outside, outsideHits }: TwoByTwo): {
  value: number;
  low: number;
  high: number;
} {
  const cells = [insideHits, inside - insideHits, outsideHits, outside - outsideHits].map((count) => count + 0.5);
  const [a = 1, b = 1, c = 1, d = 1] = cells;
  const log = Math.log((a * d) / (b * c));
  const error = Z95 * Math.sqrt(cells.reduce((sum, count) => sum + 1 / count, 0));
  return { value: Math.exp(log), low: Math.exp(log - error), high: Math.exp(log + error) };
}
