import type { TestPast } from "./batches.ts";
import type { NeedyTest } from "./test-needs.ts";

/** Of the work, so much may come before longer work: with more, whoever starts a long test late waits for it at the end. */
const MOST_OF_ALL = 0.25;
/** Where there is little to do, waiting for it costs little. */
const LITTLE_SECONDS = 10;
/** Of a test of which nothing is known. */
const UNKNOWN_SECONDS = 0.1;

/**
 * Lets only few tests run before longer ones: of those at risk the classes with the highest risk, as long as all of them together are at
 * most a quarter of the expected work, or seconds. Tests that are critical always do, since somebody said so.
 */
export function fewUrgent(
  tests: readonly NeedyTest[],
  past: (test: NeedyTest) => TestPast,
): (test: NeedyTest) => TestPast {
  const seconds = new Map<number, number>();
  let total = 0;
  for (const one of tests) {
    const { risk, expectedSeconds } = past(one);
    const took = expectedSeconds ?? UNKNOWN_SECONDS;
    total += took;
    if (risk > 0 && !one.needs.critical) seconds.set(risk, (seconds.get(risk) ?? 0) + took);
  }
  const most = Math.max(total * MOST_OF_ALL, LITTLE_SECONDS);
  let least = 0;
  let urgent = 0;
  for (const risk of [...seconds.keys()].toSorted((a, b) => b - a)) {
    urgent += seconds.get(risk) ?? 0;
    if (urgent <= most) continue;
    least = risk + 1;
    break;
  }
  return (one) => {
    const known = past(one);
    return known.risk >= least || one.needs.critical ? known : { ...known, risk: 0 };
  };
}
