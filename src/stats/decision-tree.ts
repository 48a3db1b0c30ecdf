import { fisherExact } from "./fisher.ts";

/** One observation: categorical factors and whether the event happened. */
export interface Observation {
  factors: Readonly<Record<string, string>>;
  hit: boolean;
}

export interface TreeOptions {
  maxDepth: number;
  /** Observations that each leaf has at least. */
  minLeaf: number;
  /** A split stays only when its exact test gives no more than this, divided by the number of splits it was chosen from. */
  alpha: number;
}

/** A question that was answered on the way to a leaf. */
export interface Condition {
  factor: string;
  value: string;
  /** Whether the factor has the value, or any other. */
  equal: boolean;
}

export interface Leaf {
  conditions: readonly Condition[];
  total: number;
  hits: number;
}

/**
 * The leaves of a classification tree over categorical factors: binary questions "has this value", chosen by the decrease of the
 * Gini impurity (L. Breiman et al., Classification and Regression Trees, 1984), each kept only when an exact test with a
 * Bonferroni correction for the choice says so. Its own p-values are optimistic: test what it finds on other data.
 * O(depth · observations · factors).
 */
export function treeLeaves(observations: readonly Observation[], options: TreeOptions): Leaf[] {
  return grow(observations, [], options);
}

function grow(observations: readonly Observation[], conditions: readonly Condition[], options: TreeOptions): Leaf[] {
  const hits = observations.filter(({ hit }) => hit).length;
  const leaf = { conditions, total: observations.length, hits };
  if (conditions.length >= options.maxDepth || hits === 0 || hits === leaf.total) return [leaf];
  const split = bestSplit(observations, leaf, options);
  if (!split) return [leaf];
  const { factor, value } = split;
  const having = observations.filter((one) => one.factors[factor] === value);
  const others = observations.filter((one) => one.factors[factor] !== value);
  return [
    ...grow(having, [...conditions, { factor, value, equal: true }], options),
    ...grow(others, [...conditions, { factor, value, equal: false }], options),
  ];
}

interface Split {
  factor: string;
  value: string;
  total: number;
  hits: number;
}

function bestSplit(
  observations: readonly Observation[],
  all: { total: number; hits: number },
  { minLeaf, alpha }: TreeOptions,
): Split | null {
  let best: { split: Split; impurity: number } | undefined;
  let candidates = 0;
  for (const split of splitsOf(observations)) {
    if (split.total < minLeaf || all.total - split.total < minLeaf) continue;
    candidates += 1;
    const impurity = gini(split) + gini({ total: all.total - split.total, hits: all.hits - split.hits });
    if (!best || impurity < best.impurity) best = { split, impurity };
  }
  if (!best) return null;
  const { total, hits } = best.split;
  const table = { inside: total, insideHits: hits, outside: all.total - total, outsideHits: all.hits - hits };
  return fisherExact(table).twoSided * candidates <= alpha ? best.split : null;
}

/** The impurity of a node, times its size. */
function gini({ total, hits }: { total: number; hits: number }): number {
  return (2 * hits * (total - hits)) / total;
}

function splitsOf(observations: readonly Observation[]): Split[] {
  const splits = new Map<string, Map<string, Split>>();
  for (const { factors, hit } of observations) {
    for (const [factor, value] of Object.entries(factors)) {
      let values = splits.get(factor);
      if (!values) splits.set(factor, (values = new Map()));
      let split = values.get(value);
      if (!split) values.set(value, (split = { factor, value, total: 0, hits: 0 }));
      split.total += 1;
      if (hit) split.hits += 1;
    }
  }
  return [...splits.values()].flatMap((values) => [...values.values()]);
}
