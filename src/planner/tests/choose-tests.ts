import { seededRng } from "../../base/index.ts";
import { isMatch } from "./test-needs.ts";
import type { NeedyTest } from "./test-needs.ts";

/** Which of the tests are to run, and in which order. */
export interface TestChoice {
  /** Patterns of files or ids, of which one must match; none: all. */
  patterns: readonly string[];
  /** Only those of which this is true. */
  wanted?: ((test: NeedyTest) => boolean) | undefined;
  /** Puts units of tests in an order that this number alone decides. */
  shuffleSeed?: number | undefined;
}

export function chooseTests(tests: readonly NeedyTest[], { patterns, wanted, shuffleSeed }: TestChoice): NeedyTest[] {
  const chosen = tests.filter(
    (one) =>
      (patterns.length === 0 || patterns.some((pattern) => isMatch(pattern, one.test))) &&
      (wanted === undefined || wanted(one)),
  );
  return shuffleSeed === undefined ? chosen : shuffled(chosen, shuffleSeed);
}

/** Fisher and Yates. Batches keep what is together in the order that comes of it. */
function shuffled(tests: readonly NeedyTest[], seed: number): NeedyTest[] {
  const rng = seededRng(seed);
  const order = [...tests];
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = rng.below(index + 1);
    const [a, b] = [order[index], order[other]];
    if (a !== undefined && b !== undefined) [order[index], order[other]] = [b, a];
  }
  return order;
}
