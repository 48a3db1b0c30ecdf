import { assert } from "../base/index.ts";

/** The confidence of MLPerf's early stopping rule. */
const CONFIDENCE = 0.99;

/**
 * The fewest samples from which a percentile may be claimed: MLPerf's early stopping rule (inference rules, appendix) at
 * confidence 0.99, tolerance 0 and one sample over the bound. For p50 11, p90 64, p95 130, p99 662, p99.9 6,636.
 *
 * The rule asks that `I_p(q − 1, 2) ≤ 1 − c`, with `I` the regularised incomplete beta function; for a second argument of
 * two it has the closed form `p^a · (a + 1 − a·p)`, `a = q − 1`.
 */
export function requiredSamples(probability: number): number {
  assert(probability > 0 && probability < 1, `a percentile lies in (0, 1), not ${probability}`);
  let low = 1;
  let high = 2;
  while (!isEnough(high, probability)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle, probability)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether `count` samples allow a claim about this percentile. */
export function supportsPercentile(count: number, probability: number): boolean {
  return count >= requiredSamples(probability);
}

function isEnough(count: number, probability: number): boolean {
  const under = count - 1;
  return probability ** under * (under + 1 - under * probability) <= 1 - CONFIDENCE;
}
