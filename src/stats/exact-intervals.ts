import { assert } from "../base/index.ts";
import { betaQuantile } from "./beta.ts";
import { sortedCopy } from "./quantiles.ts";
import type { Interval } from "./welch.ts";

/** The exact interval of a rate of which `hits` of `count` were seen (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934). */
export function rateInterval(hits: number, count: number, confidence = 0.95): Interval {
  assert(count > 0 && hits >= 0 && hits <= count, `${hits} of ${count} is no rate`);
  const outside = (1 - confidence) / 2;
  return {
    low: hits === 0 ? 0 : betaQuantile(outside, hits, count - hits + 1),
    high: hits === count ? 1 : betaQuantile(1 - outside, hits + 1, count - hits),
  };
}

/**
 * The interval of the median between two order statistics, which holds for every continuous distribution (H. A. David, H. N. Nagaraja,
 * Order Statistics, 3rd edition, section 7.1). Null where not even the least and the greatest sample reach the confidence: below six
 * samples at 95 %.
 */
export function medianInterval(samples: readonly number[], confidence = 0.95): Interval | null {
  const sorted = sortedCopy(samples);
  const count = sorted.length;
  const outside = (1 - confidence) / 2;
  // Of the binomial distribution with one half, summed from below while it stays outside.
  let chance = 0.5 ** count;
  let below = chance;
  let rank = 0;
  while (below <= outside && rank < count / 2) {
    rank += 1;
    chance *= (count - rank + 1) / rank;
    below += chance;
  }
  const low = sorted[rank - 1];
  const high = sorted[count - rank];
  return low === undefined || high === undefined ? null : { low, high };
}
