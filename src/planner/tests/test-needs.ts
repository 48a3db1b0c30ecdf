import { matchesGlob } from "node:path";
import type { Labels, ProjectOverride, ProjectSuite, Requirements, Resources } from "../../contracts/index.ts";
import type { DiscoveredTest } from "../../frameworks/index.ts";

/** What a test needs, from its suite and all overrides that match it, later ones first. */
export interface TestNeeds {
  requirements: Requirements;
  resources: Resources;
  labels: Labels;
  retries: number | undefined;
  testTimeoutSeconds: number | undefined;
  critical: boolean;
  /** Runs in one process, in order, with the tests that have the same word. */
  together: string | undefined;
}

/** A test that is to run. */
export interface NeedyTest {
  test: DiscoveredTest;
  needs: TestNeeds;
}

export function withNeeds(suite: ProjectSuite, tests: readonly DiscoveredTest[]): NeedyTest[] {
  return tests.map((test) => ({ test, needs: needsOf(suite, test) }));
}

function needsOf({ requirements, overrides }: ProjectSuite, test: DiscoveredTest): TestNeeds {
  const needs: TestNeeds = {
    requirements,
    resources: {},
    labels: {},
    retries: undefined,
    testTimeoutSeconds: undefined,
    critical: false,
    together: test.together,
  };
  return overrides.filter((override) => isFor(override, test)).reduce(overridden, needs);
}

function isFor({ match, tag }: ProjectOverride, test: DiscoveredTest): boolean {
  const patterns = typeof match === "string" ? [match] : match;
  if (tag !== undefined && !test.tags.includes(tag)) return false;
  return patterns === undefined || patterns.some((pattern) => isMatch(pattern, test));
}

function overridden(needs: TestNeeds, by: ProjectOverride): TestNeeds {
  const locks = by.serial === undefined ? [] : [`serial:${by.serial}`];
  const allLocks = [...new Set([...(needs.resources.locks ?? []), ...(by.resources?.locks ?? []), ...locks])];
  return {
    requirements: { ...needs.requirements, ...by.requirements },
    resources: { ...needs.resources, ...by.resources, ...(allLocks.length === 0 ? {} : { locks: allLocks }) },
    labels: { ...needs.labels, ...by.labels },
    retries: by.retries ?? needs.retries,
    testTimeoutSeconds: by.test_timeout_seconds ?? needs.testTimeoutSeconds,
    critical: by.critical ?? needs.critical,
    together: by.together ?? needs.together,
  };
}

/** A pattern without a slash is compared with the last part of the id, as git compares with names of files. */
export function isMatch(pattern: string, { id, file }: Pick<DiscoveredTest, "id" | "file">): boolean {
  if (id === pattern || file === pattern || matchesGlob(file, pattern) || matchesGlob(id, pattern)) return true;
  return !pattern.includes("/") && matchesGlob(id.slice(file.lastIndexOf("/") + 1), pattern);
}
