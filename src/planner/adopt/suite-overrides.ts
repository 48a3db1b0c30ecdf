import { canonicalJson } from "../../base/index.ts";
import type { JsonValue } from "../../base/index.ts";
import type { ProjectOverride, ProjectSuite } from "../../contracts/index.ts";
import type { FrameworkPlace, MarkOrder, MarkWish, ProjectFiles, UnmetWish } from "../../frameworks/index.ts";
import type { Discovery, Framework } from "../../frameworks/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import { withNeeds } from "../tests/test-needs.ts";
import type { NeedyTest } from "../tests/test-needs.ts";
import { needGroups } from "./found-needs.ts";
import type { NeedGroup } from "./found-needs.ts";
import { markerMeaning, markerName } from "./marker-name.ts";
import type { NewOverride } from "./project-text.ts";

/** A suite with its tests and what was found of them. */
export interface AdoptedSuite {
  suite: ProjectSuite;
  framework: Framework;
  discovery: Discovery;
  findings: readonly NeedFinding[];
  place: FrameworkPlace;
}

/** What a group of tests gets. */
interface Plan {
  group: NeedGroup;
  tag: string | null;
  /** The marks of its tests, each with those that it stands for. */
  marks: { wish: MarkWish; tests: readonly NeedyTest[] }[];
  /** Those that no marker can tell. */
  named: NeedyTest[];
}

/** How markers of pytest and tags of Playwright stand in a text. */
const MARKERS = /\bmark\.(\w+)|@[\w:.-]+/g;
const MAX_EVIDENCE = 5;
const MAX_PATTERNS = 1_000;

/** The overrides that a suite needs; markers that its framework can put into files are written to `files`. */
export async function suiteOverrides(
  adopted: AdoptedSuite,
  files: ProjectFiles,
): Promise<{ overrides: NewOverride[]; needy: Set<string>; unmet: UnmetWish[] }> {
  const { suite, discovery, findings } = adopted;
  const tests = withNeeds(suite, discovery.tests);
  const taken = new Set<string>();
  const plans = needGroups(tests, findings).map((group) => planOf(group, { adopted, tests, taken }));
  const unmet = await mark(adopted, files, plans);
  const refused = new Set(unmet.map(({ wish }) => wish));
  const needy = new Set(plans.flatMap(({ group }) => group.tests.map(({ test }) => test.id)));
  return { unmet, needy, overrides: plans.flatMap((plan) => overridesOf(plan, { adopted, tests, refused })) };
}

interface Setting {
  adopted: AdoptedSuite;
  tests: readonly NeedyTest[];
}

function planOf(group: NeedGroup, { adopted, tests, taken }: Setting & { taken: Set<string> }): Plan {
  const inside = new Set(group.tests);
  const outside = new Set(tests.filter((one) => !inside.has(one)).flatMap(({ test }) => test.tags));
  const own = tagInUse(group, outside);
  if (adopted.framework.mark === undefined) {
    const isOnAll = own !== null && group.tests.every(({ test }) => test.tags.includes(own));
    return { group, tag: isOnAll ? own : null, marks: [], named: isOnAll ? [] : group.tests };
  }
  const tag = own ?? freeTag(group, { suite: adopted.suite, unusable: new Set([...outside, ...taken]) });
  taken.add(tag);
  return { group, tag, ...marksOf(group, { tag, tests }) };
}

/** A marker of the user's that is itself the evidence, and that no other test has. */
function tagInUse({ tests, evidence }: NeedGroup, outside: ReadonlySet<string>): string | null {
  const tags = new Set(tests.flatMap(({ test }) => test.tags));
  const named = new Set(evidence.flatMap(({ text }) => [...text.matchAll(MARKERS)].map(([all, mark]) => mark ?? all)));
  return [...tags].find((tag) => !outside.has(tag) && named.has(tag)) ?? null;
}

function freeTag(
  { needs }: NeedGroup,
  { suite, unusable }: { suite: ProjectSuite; unusable: ReadonlySet<string> },
): string {
  const base = markerName(needs);
  const isOther = (name: string): boolean =>
    suite.overrides.some((one) => one.tag === name && !isSame(one, overrideOf({ tag: name }, needs)));
  // A marker that an override gave the same needs may be on other tests already.
  const isSaid = (name: string): boolean =>
    suite.overrides.some((one) => isSame(one, overrideOf({ tag: name }, needs)));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (isSaid(name) || (!unusable.has(name) && !isOther(name))) return name;
  }
}

function marksOf(
  group: NeedGroup,
  { tag, tests }: { tag: string; tests: readonly NeedyTest[] },
): Pick<Plan, "marks" | "named"> {
  const inside = new Set(group.tests);
  const marks = new Map<string, { wish: MarkWish; tests: NeedyTest[] }>();
  const named: NeedyTest[] = [];
  for (const one of group.tests) {
    if (one.test.tags.includes(tag)) continue;
    const { file } = one.test;
    const names = placeOf(one, {
      scopes: group.scopes,
      isInside: (below) => holdsOnly(below, { inside, tests, file }),
    });
    if (names === null) {
      named.push(one);
      continue;
    }
    const key = JSON.stringify([file, names]);
    const mark = marks.get(key) ?? { wish: { file, names, tag }, tests: [] };
    marks.set(key, mark);
    mark.tests.push(one);
  }
  return { marks: [...marks.values()], named };
}

/** Where the marker of a test belongs: at its file or class if what was found speaks of all of it, else at its function. */
function placeOf(
  { test: { id, file } }: NeedyTest,
  { scopes, isInside }: { scopes: ReadonlySet<string>; isInside: (names: readonly string[]) => boolean },
): string[] | null {
  const names = namesOf(id);
  if (scopes.has(file) && isInside([])) return [];
  for (let length = 1; length < names.length; length += 1) {
    const outer = names.slice(0, length);
    const scope = [id.split("::", 1)[0], ...outer].join("::");
    if (scopes.has(scope) && isInside(outer)) return outer;
  }
  return names.length > 0 && isInside(names) ? names : null;
}

/** Classes and the function of a test of pytest. Parameters may hold anything. */
function namesOf(id: string): string[] {
  const names = id.split("::").slice(1).join("::");
  return names === "" ? [] : (names.split("[", 1)[0] ?? "").split("::");
}

function holdsOnly(
  names: readonly string[],
  { inside, tests, file }: { inside: ReadonlySet<NeedyTest>; tests: readonly NeedyTest[]; file: string },
): boolean {
  return tests.every((one) => {
    if (one.test.file !== file || inside.has(one)) return true;
    const other = namesOf(one.test.id);
    return names.some((name, index) => other[index] !== name);
  });
}

async function mark(
  { framework, discovery, place }: AdoptedSuite,
  files: ProjectFiles,
  plans: readonly Plan[],
): Promise<UnmetWish[]> {
  const wishes = plans.flatMap(({ marks }) => marks.map(({ wish }) => wish));
  if (wishes.length === 0 || framework.mark === undefined) return [];
  const meanings = new Map(
    plans.flatMap(({ tag, group }) => (tag === null ? [] : [[tag, markerMeaning(group.needs)] as const])),
  );
  const order: MarkOrder = { files, version: discovery.version, wishes, meanings };
  return framework.mark(place, order);
}

function overridesOf(
  { group, tag, marks, named }: Plan,
  { adopted: { suite }, tests, refused }: Setting & { refused: ReadonlySet<MarkWish> },
): NewOverride[] {
  const { needs, evidence } = group;
  const unmarked = new Set([...named, ...marks.filter(({ wish }) => refused.has(wish)).flatMap((one) => one.tests)]);
  const lines = evidenceLines(evidence, suite);
  const made: NewOverride[] = [];
  if (tag !== null && unmarked.size < group.tests.length) {
    const override = overrideOf({ tag }, needs);
    if (!suite.overrides.some((one) => isSame(one, override))) made.push({ override, evidence: lines });
  }
  const patterns = patternsOf(unmarked, tests);
  for (let from = 0; from < patterns.length; from += MAX_PATTERNS) {
    const some = patterns.slice(from, from + MAX_PATTERNS);
    const match = some.length === 1 && some[0] !== undefined ? some[0] : some;
    made.push({ override: overrideOf({ match }, needs), evidence: lines });
  }
  return made;
}

/** A file where all of its tests are meant, else their ids. */
function patternsOf(wanted: ReadonlySet<NeedyTest>, tests: readonly NeedyTest[]): string[] {
  const partly = new Set(tests.filter((one) => !wanted.has(one)).map(({ test }) => test.file));
  return [...new Set([...wanted].map(({ test: { id, file } }) => (partly.has(file) ? id : file)))];
}

function overrideOf(
  which: Pick<ProjectOverride, "match" | "tag">,
  { requirements, resources, labels }: NeedGroup["needs"],
): ProjectOverride {
  return {
    ...which,
    ...(requirements === undefined ? {} : { requirements }),
    ...(resources === undefined ? {} : { resources }),
    ...(labels === undefined ? {} : { labels }),
  };
}

function isSame(a: ProjectOverride, b: ProjectOverride): boolean {
  return canonicalJson(a as JsonValue) === canonicalJson(b as JsonValue);
}

function evidenceLines(evidence: NeedGroup["evidence"], { directory }: ProjectSuite): string[] {
  const shown = evidence.slice(0, MAX_EVIDENCE).map((one) => `${evidencePlace(one, directory)}  ${oneLine(one.text)}`);
  return evidence.length > shown.length ? [...shown, `and ${evidence.length - shown.length} more`] : shown;
}

/** The file of evidence relative to the project, and its line. */
export function evidencePlace({ file, line }: NeedGroup["evidence"][number], directory: string): string {
  return oneLine(`${directory === "." ? "" : `${directory}/`}${file}:${line}`);
}

const MAX_TEXT = 100;

/** What stands in a comment may not end it. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ")
    .trim()
    .slice(0, MAX_TEXT);
}
