import { join } from "node:path";
import { canonicalJson } from "../../base/index.ts";
import type { ProjectSuite } from "../../contracts/index.ts";
import type { DiscoveredTest, ProcessStarter } from "../../frameworks/index.ts";
import type { Placed, SourceFacts } from "../sources/source-facts.ts";
import { SourceReader } from "../sources/source-reader.ts";
import { needsOf } from "./condition-needs.ts";
import type { Confidence, NeedFinding, NeedKind } from "./need-finding.ts";
import { needsOfImport, needsOfMark, needsOfUse } from "./rules.ts";
import { concerns, testPath } from "./test-path.ts";
import type { TestPath } from "./test-path.ts";

/** What is asked about. */
export interface AnalysedSuite {
  suite: Pick<ProjectSuite, "framework" | "directory">;
  tests: readonly DiscoveredTest[];
  starter: ProcessStarter;
}

type TestWithPath = TestPath & { id: string };

/** What one fact says, before it is known which tests it concerns. */
interface Said {
  at: Placed & { parameter?: string };
  needs: NeedFinding["needs"] | undefined;
  confidence: Confidence;
  kind: NeedKind;
}

const ORDER: readonly Confidence[] = ["certain", "likely", "possible"];

/**
 * What the tests of a suite need, by the text of their files, in the order of the files. `folder` is that of the project. Files that
 * cannot be read say nothing.
 */
export async function analyseNeeds(folder: string, { suite, tests, starter }: AnalysedSuite): Promise<NeedFinding[]> {
  const root = join(folder, suite.directory);
  const files = Map.groupBy(tests, ({ file }) => file);
  const facts = await new SourceReader(root, { folder: root, starter }).read([...files.keys()]);
  return [...files].flatMap(([file, own]) => {
    const paths = own.map((one) => ({ id: one.id, ...testPath(suite.framework, one) }));
    return strongest([...saidBy(facts.get(file))].flatMap((said) => findings(file, { tests: paths, said })));
  });
}

function saidBy(facts: SourceFacts | undefined): Said[] {
  if (facts === undefined) return [];
  const sure = (guarded: boolean): Confidence => (guarded ? "possible" : "likely");
  return [
    ...facts.skips.map((at): Said => {
      const needs = needsOf(at.condition, at.runsIf);
      return { at, needs, confidence: "certain", kind: "skip_condition" };
    }),
    ...facts.marks.map((at): Said => ({ at, needs: needsOfMark(at), confidence: "likely", kind: "marker" })),
    ...facts.uses.map((at): Said => {
      const kind = { call: "call", string: "device", parameter: "parameter" } as const;
      const own = at.kind === "parameter" ? { ...at, parameter: at.name } : at;
      return { at: own, needs: needsOfUse(at), confidence: sure(at.guarded), kind: kind[at.kind] };
    }),
    ...facts.imports.map((at): Said => ({ at, needs: needsOfImport(at), confidence: "likely", kind: "import" })),
  ];
}

function findings(file: string, { tests, said }: { tests: readonly TestWithPath[]; said: Said }): NeedFinding[] {
  const { at, needs, confidence, kind } = said;
  if (needs === undefined) return [];
  const { line, text, within, parameter } = at;
  const found = (scope: NeedFinding["scope"], sure: Confidence): NeedFinding => {
    return { scope, needs, evidence: { file, line, text }, confidence: sure, kind };
  };
  if (within.length === 0) return [found({ file }, confidence)];
  const concerned = tests.filter(
    (test) =>
      concerns(within, test) &&
      (parameter === undefined || test.parameters.includes(parameter)) &&
      // A function in a test may never be called.
      (kind !== "skip_condition" || within.length <= Math.max(test.names.length, 1)),
  );
  // Where only the file is known, one of its tests says nothing of the others.
  if (concerned.some(({ names }) => names.length === 0)) return [found({ file }, "possible")];
  if (concerned.length > 0) return concerned.map(({ id }) => found({ file, testId: id }, confidence));
  const isHelper = (kind === "call" || kind === "device" || kind === "import") && tests.length > 0;
  return isHelper ? [found({ file }, "possible")] : [];
}

/** Of what several lines say of the same tests, the surest. */
function strongest(all: readonly NeedFinding[]): NeedFinding[] {
  const best = new Map<string, NeedFinding>();
  for (const one of all) {
    const key = canonicalJson([one.scope, one.needs]);
    const before = best.get(key);
    if (before === undefined || ORDER.indexOf(one.confidence) < ORDER.indexOf(before.confidence)) best.set(key, one);
  }
  return [...best.values()];
}
