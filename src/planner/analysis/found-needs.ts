import { canonicalJson } from "../../base/index.ts";
import type { NeedyTest } from "../tests/test-needs.ts";
import { mergedNeeds } from "./condition-needs.ts";
import type { Needs } from "./condition-needs.ts";
import type { NeedFinding } from "./need-finding.ts";

export interface FoundNeeds {
  tests: NeedyTest[];
  /** What no worker has, and how many tests would have gone to one that does. */
  unmet: { needs: Needs; tests: number }[];
}

/**
 * Adds what is certain to what a suite says of its tests; where that says something else of the same thing, it counts. Needs that
 * nobody `canMeet` are left out: such a test skips itself wherever it runs.
 */
export function withFound(
  tests: readonly NeedyTest[],
  findings: readonly NeedFinding[],
  canMeet: (needs: Required<Needs>) => boolean,
): FoundNeeds {
  const certain = Map.groupBy(
    findings.filter(({ confidence }) => confidence === "certain"),
    ({ scope }) => keyOf(scope.file, scope.testId),
  );
  const unmet = new Map<string, { needs: Needs; tests: number }>();
  const needy = tests.map((one) => {
    const found = [keyOf(one.test.file), keyOf(one.test.file, one.test.id)].flatMap((key) => certain.get(key) ?? []);
    if (found.length === 0) return one;
    const wanted = found.reduce<Needs>((all, { needs }) => mergedNeeds(all, needs), {});
    const requirements = { ...wanted.requirements, ...one.needs.requirements };
    const resources = { ...wanted.resources, ...one.needs.resources };
    if (canMeet({ requirements, resources })) return { ...one, needs: { ...one.needs, requirements, resources } };
    const key = canonicalJson(wanted);
    unmet.set(key, { needs: wanted, tests: (unmet.get(key)?.tests ?? 0) + 1 });
    return one;
  });
  return { tests: needy, unmet: [...unmet.values()] };
}

function keyOf(file: string, testId?: string): string {
  return JSON.stringify([file, testId]);
}
