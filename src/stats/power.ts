import { assert } from "../base/index.ts";
import { normalQuantile } from "./normal.ts";
import { criticalT } from "./student-t.ts";

export interface PowerQuestion {
  /** Standard deviation of one sample, in the unit of the effect. */
  readonly deviation: number;
  /** The difference of two means that is to be told. */
  readonly effect: number;
  /** How often equal means may be called different. */
  readonly alpha?: number;
  /** How often means that differ so much are to be called different. */
  readonly power?: number;
}

/**
 * Samples on each side with which two means that differ by `effect` are told apart (W. G. Cochran's formula with Student's t in place of
 * the normal quantiles, iterated: G. W. Snedecor, W. G. Cochran, Statistical Methods, section 6.14). At least 2; Infinity for no effect.
 */
export function samplesNeeded({ deviation, effect, alpha = 0.05, power = 0.8 }: PowerQuestion): number {
  assert(deviation >= 0, "a deviation is not negative");
  if (effect === 0) return Infinity;
  if (deviation === 0) return 2;
  const ratio = 2 * (deviation / effect) ** 2;
  let count = Math.max(2, Math.ceil(ratio * (normalQuantile(1 - alpha / 2) + normalQuantile(power)) ** 2));
  for (let step = 0; step < 20; step += 1) {
    const degrees = 2 * count - 2;
    const reach = criticalT(alpha, degrees) + criticalT(2 * (1 - power), degrees);
    const next = Math.max(2, Math.ceil(ratio * reach ** 2));
    if (next === count) break;
    count = next;
  }
  return count;
}
