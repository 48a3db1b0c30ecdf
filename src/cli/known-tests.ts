import type { Client } from "../client/index.ts";
import type { KnownTest } from "../contracts/index.ts";
import type { NeedyTest, TestPast } from "../planner/index.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { isPassed } from "./outcome-words.ts";

/** Of one question to the coordinator. */
const MAX_ASKED = 50_000;
/** From here on a test is more likely flaky than not. */
export const FLAKY_FROM = 0.5;

/** Less than the gap from which urgent work takes the place of other work. */
const MOST_RISK = 9;
/** What a test adds to its priority. */
const CRITICAL = 4;
const FAILED_LATELY = 3;
const CHANGED = 2;
const FLAKY = 1;

/** What earlier runs say of a suite's tests, by their ids. */
export async function knownTests(
  client: Client,
  { suite: { framework, directory }, discovery }: DiscoveredSuite,
): Promise<Map<string, KnownTest>> {
  const ids = [...new Set(discovery.tests.map(({ id }) => id))];
  const known = new Map<string, KnownTest>();
  for (let from = 0; from < ids.length; from += MAX_ASKED) {
    const asked = { framework, directory, test_ids: ids.slice(from, from + MAX_ASKED) };
    for (const one of await client.knownTests(asked)) known.set(one.test_id, one);
  }
  return known;
}

/** Whether it did not pass when it ran last. */
export function hasFailed(known: KnownTest | undefined): boolean {
  return known !== undefined && !isPassed({ outcome: known.last_outcome });
}

/** How likely a test is flaky, with the evidence: `94 % (1 of 2 tries)`. */
export function flakyText(probability: number, { passes, failures }: { passes: number; failures: number }): string {
  return `${Math.round(probability * 100)} % (${failures} of ${failures + passes} tries)`;
}

/**
 * How long a test takes, and how early it should run: what failed lately tells soonest whether it still does, then what stands close to
 * what changed.
 */
export function pastOf({ needs }: NeedyTest, known: KnownTest | undefined, isChanged = false): TestPast {
  const risk =
    (needs.critical ? CRITICAL : 0) +
    ((known?.last_failures ?? 0) > 0 ? FAILED_LATELY : 0) +
    (isChanged ? CHANGED : 0) +
    ((known?.flaky_probability ?? 0) >= FLAKY_FROM ? FLAKY : 0);
  return { expectedSeconds: known?.expected_seconds ?? null, risk: Math.min(risk, MOST_RISK) };
}
