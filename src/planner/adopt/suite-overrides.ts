import { join } from "node:path";
import type { ProjectOverride, ProjectSuite } from "../../contracts/index.ts";
import type { FrameworkPlace, MarkOrder, MarkWish, UnmetWish } from "../../frameworks/index.ts";
import type { Discovery, Framework } from "../../frameworks/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import { withNeeds } from "../tests/test-needs.ts";
import type { NeedyTest } from "../tests/test-needs.ts";
import { needGroups } from "./need-groups.ts";
import type { Evidence, NeedGroup, Needs } from "./need-groups.ts";
import type { PendingFiles } from "./pending-files.ts";
import { MarkPlaces } from "./mark-places.ts";
import type { Mark } from "./mark-places.ts";
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
  marks: Mark[];
  /** Those that no marker can tell. */
  named: NeedyTest[];
}

const MAX_EVIDENCE = 5;
const MAX_PATTERNS = 1_000;

/** The overrides that a suite needs; markers that its framework can put into files are written to `files`. */
export async function suiteOverrides(
  adopted: AdoptedSuite,
  files: PendingFiles,
): Promise<{ overrides: NewOverride[]; needy: Set<string>; unmet: UnmetWish[] }> {
  const { suite, discovery, findings } = adopted;
  const tests = withNeeds(suite, discovery.tests);
  const taken = new Set<string>();
  const places = new MarkPlaces(tests);
  const plans = needGroups(tests, findings).map((group) => planOf(group, { adopted, tests, places, taken }));
  const unmet = await mark(adopted, files, plans);
  const refused = new Set(unmet.map(({ wish }) => wish));
  const needy = new Set(plans.flatMap(({ group }) => [...group.tests.keys()].map(({ test }) => test.id)));
  return { unmet, needy, overrides: plans.flatMap((plan) => overridesOf(plan, { adopted, tests, files, refused })) };
}

interface Setting {
  adopted: AdoptedSuite;
  tests: readonly NeedyTest[];
}

function planOf(
  group: NeedGroup,
  { adopted, tests, places, taken }: Setting & { places: MarkPlaces; taken: Set<string> },
): Plan {
  const own = [...group.tests.keys()];
  const outside = new Set(tests.filter((one) => !group.tests.has(one)).flatMap(({ test }) => test.tags));
  const mine = [...group.markers].find((tag) => !outside.has(tag) && own.some(({ test }) => test.tags.includes(tag)));
  if (adopted.framework.mark === undefined) {
    const named = own.filter(({ test }) => mine === undefined || !test.tags.includes(mine));
    return { group, tag: mine ?? null, marks: [], named };
  }
  const tag = mine ?? freeTag(group, { suite: adopted.suite, unusable: new Set([...outside, ...taken]) });
  taken.add(tag);
  return { group, tag, ...places.marksOf(group, tag) };
}

/** A name that only these tests have, or that assay.yaml gives the same needs already. */
function freeTag(
  { needs }: NeedGroup,
  { suite: { overrides }, unusable }: { suite: ProjectSuite; unusable: ReadonlySet<string> },
): string {
  const base = markerName(needs);
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (overrides.some((one) => isSaidBy(one, name, needs))) return name;
    if (!unusable.has(name) && !overrides.some((one) => one.tag === name)) return name;
  }
}

/** Whether an override says something of the same for the tests with a tag; what it says counts. */
function isSaidBy(
  { tag, match, requirements, resources, labels }: ProjectOverride,
  name: string,
  needs: Needs,
): boolean {
  const fields = (one: Needs): string[] => {
    return [
      ...Object.keys(one.requirements ?? {}),
      ...Object.keys(one.resources ?? {}),
      ...Object.keys(one.labels ?? {}),
    ];
  };
  const said = new Set(fields({ requirements: requirements ?? {}, resources: resources ?? {}, labels: labels ?? {} }));
  return tag === name && match === undefined && fields(needs).every((field) => said.has(field));
}

async function mark(
  { framework, discovery, place }: AdoptedSuite,
  files: PendingFiles,
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
  {
    adopted: { suite, place },
    tests,
    files,
    refused,
  }: Setting & { files: PendingFiles; refused: ReadonlySet<MarkWish> },
): NewOverride[] {
  const { needs } = group;
  const evidence = (of: readonly NeedyTest[]): string[] =>
    evidenceLines(
      of.flatMap((one) => group.tests.get(one) ?? []),
      { directory: suite.directory, lineOf: (file, line) => files.lineOf(join(place.folder, file), line) },
    );
  const unmarked = new Set([...named, ...marks.filter(({ wish }) => refused.has(wish)).flatMap((one) => one.tests)]);
  const tagged = [...group.tests.keys()].filter((one) => !unmarked.has(one));
  const made: NewOverride[] = [];
  if (tag !== null && tagged.length > 0) {
    const override = overrideOf({ tag }, needs);
    if (!suite.overrides.some((one) => isSaidBy(one, tag, needs))) made.push({ override, evidence: evidence(tagged) });
  }
  const patterns = patternsOf(unmarked, tests);
  for (let from = 0; from < patterns.length; from += MAX_PATTERNS) {
    const some = patterns.slice(from, from + MAX_PATTERNS);
    const match = some.length === 1 && some[0] !== undefined ? some[0] : some;
    made.push({ override: overrideOf({ match }, needs), evidence: evidence([...unmarked]) });
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
  { requirements, resources, labels }: Needs,
): ProjectOverride {
  return {
    ...which,
    ...(requirements === undefined ? {} : { requirements }),
    ...(resources === undefined ? {} : { resources }),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** Lines as they stand once the markers are there. */
function evidenceLines(
  evidence: readonly Evidence[],
  { directory, lineOf }: { directory: string; lineOf: (file: string, line: number) => number },
): string[] {
  const distinct = [...new Map(evidence.map((one) => [`${one.file}:${one.line}`, one])).values()];
  const lines = distinct.slice(0, MAX_EVIDENCE).map(({ file, line, text }) => {
    return `${evidencePlace({ file, line: lineOf(file, line) }, directory)}  ${oneLine(text)}`;
  });
  const more = distinct.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])];
}

/** The file of evidence relative to the project, and its line. */
export function evidencePlace({ file, line }: Pick<Evidence, "file" | "line">, directory: string): string {
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
