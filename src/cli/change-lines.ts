import { PlainStarter } from "../frameworks/index.ts";
import { impactOf } from "../planner/index.ts";
import type { ChainStep, ChangeImpact } from "../planner/index.ts";
import type { CliContext } from "./context.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { countText } from "./quantities.ts";
import { harmless } from "./style.ts";

/** Of which tests a change decides that they run. */
export interface ChangeChoice {
  impact: ChangeImpact;
  suites: readonly DiscoveredSuite[];
}

const MAX_NAMED = 5;

export async function choiceByChange(
  folder: string,
  since: string,
  { suites, context }: { suites: readonly DiscoveredSuite[]; context: CliContext },
): Promise<ChangeChoice> {
  const asked = suites.map(({ suite, discovery }) => ({ suite, tests: discovery.tests }));
  const impact = await impactOf({ folder, since, suites: asked, starter: new PlainStarter(context.env) });
  return { impact, suites };
}

/** The suites with the tests that a change may concern. */
export function chosenSuites({ impact, suites }: ChangeChoice): DiscoveredSuite[] {
  if (impact.unknown.length > 0) return [...suites];
  return suites.map((one) => {
    const tests = one.discovery.tests.filter((test) => impact.chainOf(one.suite, test) !== undefined);
    return { ...one, discovery: { ...one.discovery, tests } };
  });
}

/** Whether the file of a test changed, or one that it names itself. */
export function isClose(
  { impact }: ChangeChoice,
  suite: DiscoveredSuite["suite"],
  test: Parameters<ChangeImpact["chainOf"]>[1],
): boolean {
  const chain = impact.chainOf(suite, test);
  return chain !== undefined && chain.length <= 2;
}

/** `41 of 312 tests chosen by 3 changed files; 271 left out: nothing that they depend on changed`. */
export function choiceLines(choice: ChangeChoice): string[] {
  const { impact, suites } = choice;
  const total = countTests(suites);
  const chosen = countTests(chosenSuites(choice));
  const changed = countText(impact.changed.length, "changed file");
  if (impact.unknown.length > 0) {
    const named = impact.unknown.slice(0, MAX_NAMED).map(({ file, reason }) => `${harmless(file)}: ${reason}`);
    const more = impact.unknown.length > MAX_NAMED ? [`and ${impact.unknown.length - MAX_NAMED} more such files`] : [];
    return [`all ${countText(total, "test")} chosen by ${changed}, since it is not known what some of them do:`].concat(
      [...named, ...more].map((line) => `  ${line}`),
    );
  }
  const left = total - chosen;
  const why = left === 0 ? "" : `; ${left} left out: nothing that they depend on changed`;
  return [`${chosen} of ${countText(total, "test")} chosen by ${changed} since ${harmless(impact.since)}${why}`];
}

function countTests(suites: readonly DiscoveredSuite[]): number {
  return suites.reduce((sum, { discovery }) => sum + discovery.tests.length, 0);
}

/** For each file with chosen tests, why: from file to file, to one that changed. */
export function chainLines({ impact, suites }: ChangeChoice): string[] {
  return suites.flatMap(({ suite, discovery }) =>
    [...new Set(discovery.tests.map(({ file }) => file))].flatMap((file) => {
      const chain = impact.chainOf(suite, { file });
      return chain === undefined ? [] : [`  ${chain.map(stepText).join(" → ")}`];
    }),
  );
}

function stepText({ file, line, how }: ChainStep): string {
  const place = line === null ? harmless(file) : `${harmless(file)}:${line}`;
  return how === "imports" ? place : `${place} (${how})`;
}

export function choiceDocument(choice: ChangeChoice): unknown {
  const { impact, suites } = choice;
  const { since, base, changed, unknown, without } = impact;
  const tests = suites.flatMap(({ suite, discovery }) =>
    discovery.tests.map((test) => ({
      framework: suite.framework,
      directory: suite.directory,
      id: test.id,
      chain: impact.chainOf(suite, test),
    })),
  );
  return {
    since,
    base,
    changed,
    unknown,
    without_tests: without,
    chosen: tests
      .filter(({ chain }) => chain !== undefined || unknown.length > 0)
      .map(({ chain, ...one }) => ({ ...one, chain: chain ?? null })),
    left_out: tests
      .filter(({ chain }) => chain === undefined && unknown.length === 0)
      .map(({ chain: _, ...one }) => one),
  };
}
