import { join } from "node:path";
import { canonicalJson } from "../base/index.ts";
import { assayError, DEFAULT_POOL } from "../contracts/index.ts";
import type { Project, ProjectSuite } from "../contracts/index.ts";
import type { DiscoveredTest } from "../frameworks/index.ts";
import { loadProject, withNeeds } from "../planner/index.ts";
import type { Adoption, FileChange } from "../planner/index.ts";
import type { Invocation } from "./cli.ts";
import { dataDirOf } from "./data-folders.ts";
import { discoverSuites } from "./discovered-suites.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { ProjectCopy } from "./project-copy.ts";
import { countText } from "./quantities.ts";
import { testProject } from "./tested-project.ts";

/** A test whose outcomes before and after the adoption are not the same. */
export interface OutcomeDifference {
  framework: string;
  id: string;
  before: string;
  after: string;
}

export interface VerifiedAdoption {
  tests: number;
  differences: OutcomeDifference[];
  /** They differ, and not because of the adoption: run again, they had each other's outcome. */
  flaky: OutcomeDifference[];
  /** Tests that have needs now which their own text does not show: their class inherits them from one with a marker. */
  inherited: { framework: string; id: string }[];
}

export interface AdoptionToVerify {
  /** The real path of the project. */
  root: string;
  project: Project;
  suites: readonly DiscoveredSuite[];
  adoption: Adoption;
}

/** What became of tests, by framework and id; ids may stand in several folders. */
interface Outcomes {
  outcomes: Map<string, string>;
  files: Map<string, string>;
}

/**
 * Collects and runs the tests of copies of a project, without and with the changes, on workers of this process. What tests need is taken
 * away for the runs: a test for hardware that is not here does what it does without Assay. The project itself is only read.
 */
export async function verifyAdoption(
  asked: AdoptionToVerify,
  invocation: Invocation<unknown>,
): Promise<VerifiedAdoption> {
  await using copy = await ProjectCopy.open(asked.root);
  const { changes } = asked.adoption;
  const side = (name: "before" | "after", only?: readonly string[]): Promise<Outcomes> =>
    outcomesOf({ copy, asked, changes: name === "before" ? [] : changes, only }, invocation);
  await copy.renew(changes);
  const { collected, inherited } = await collection(copy.folder, asked, invocation);
  const { screen } = invocation;
  screen.info("the tests before adoption:");
  const before = await side("before");
  screen.info("the tests after adoption:");
  const after = await side("after");
  const differing = differences(before.outcomes, after.outcomes);
  const tests = before.outcomes.size;
  if (differing.length === 0) return { tests, differences: collected, flaky: [], inherited };
  screen.info(`${countText(differing.length, "test")} not the same: once more`);
  // Some frameworks name their tests only when they run, so their files are chosen.
  const files = differing.flatMap(({ framework, id }) => before.files.get(keyOf(framework, id)) ?? []);
  const again = [await side("before", files), await side("after", files)] as const;
  const isFlaky = ({ framework, id }: OutcomeDifference): boolean => {
    const key = keyOf(framework, id);
    const seen = (...runs: Outcomes[]): (string | undefined)[] => runs.map(({ outcomes: of }) => of.get(key));
    const others = new Set(seen(after, again[1]));
    return seen(before, again[0]).some((outcome) => outcome !== undefined && others.has(outcome));
  };
  return {
    tests,
    differences: [...collected, ...differing.filter((one) => !isFlaky(one))],
    flaky: differing.filter(isFlaky),
    inherited,
  };
}

/** Tests that came or went, and those that have needs without being adopted. */
async function collection(
  folder: string,
  { suites, adoption }: AdoptionToVerify,
  { context }: Invocation<unknown>,
): Promise<{ collected: OutcomeDifference[] } & Pick<VerifiedAdoption, "inherited">> {
  const adopted = await loadProject(folder);
  const found = await discoverSuites(
    { folder, project: adopted, only: [], given: [], dataDir: dataDirOf({}, context), detail: () => "names" },
    context,
  );
  const sides = suites.map(({ suite, discovery }, index) => ({
    framework: suite.framework,
    needy: adoption.needy[index] ?? new Set(),
    before: needsById(suite, discovery.tests),
    after: needsById(found[index]?.suite ?? suite, found[index]?.discovery.tests ?? []),
  }));
  return {
    collected: sides.flatMap(({ framework, before, after }) => [
      ...missing(before, after).map((id) => ({ framework, id, before: "found", after: "not found" })),
      ...missing(after, before).map((id) => ({ framework, id, before: "not found", after: "found" })),
    ]),
    inherited: sides.flatMap(({ framework, needy, before, after }) =>
      [...before]
        .filter(([id, needs]) => !needy.has(id) && after.has(id) && after.get(id) !== needs)
        .map(([id]) => ({ framework, id })),
    ),
  };
}

function needsById(suite: ProjectSuite, tests: readonly DiscoveredTest[]): Map<string, string> {
  return new Map(withNeeds(suite, tests).map(({ test, needs }) => [test.id, canonicalJson(needs)]));
}

function missing(these: ReadonlyMap<string, string>, from: ReadonlyMap<string, string>): string[] {
  return [...these.keys()].filter((id) => !from.has(id));
}

interface Side {
  copy: ProjectCopy;
  asked: AdoptionToVerify;
  changes: readonly FileChange[];
  only: readonly string[] | undefined;
}

async function outcomesOf(
  { copy, asked, changes, only }: Side,
  { context, screen }: Invocation<unknown>,
): Promise<Outcomes> {
  if (only?.length === 0) return { outcomes: new Map(), files: new Map() };
  await copy.renew([...changes, { path: "assay.yaml", after: withoutNeeds(asked) }]);
  const quiet = { ...context, env: { ...context.env, ASSAY_COORDINATOR: "", ASSAY_DATA_DIR: "" } };
  const { document } = await testProject({
    context: quiet,
    screen,
    args: [copy.folder],
    passedOn: [],
    options: {
      repeat: 1,
      retries: 0,
      pool: DEFAULT_POOL,
      dataDir: join(copy.base, "data"),
      ...(only === undefined ? {} : { match: [...only] }),
    },
  });
  if (context.interrupts.signal.aborted) throw assayError("interrupted", "interrupted while the adoption was verified");
  const { tests, problems } = document;
  const all = [
    ...tests.map(({ id, file = "", outcome, task_id: task }) => ({
      key: keyOf(task.split("/", 1)[0] ?? "", id),
      file,
      outcome,
    })),
    ...problems.map(({ framework, directory, file }) => {
      return { key: keyOf(framework, `${directory}/${file ?? ""}`), file: file ?? "", outcome: "not read" };
    }),
  ];
  const outcomes = [...Map.groupBy(all, ({ key }) => key)].map(([key, same]) => {
    const words = same.map(({ outcome }) => outcome).toSorted();
    return [key, words.join(", ")] as const;
  });
  return { outcomes: new Map(outcomes), files: new Map(all.map(({ key, file }) => [key, file])) };
}

/** An assay.yaml with which every test may run here. */
function withoutNeeds({ project, suites }: AdoptionToVerify): Buffer {
  const bare = suites.map(({ suite }) => ({
    ...suite,
    requirements: {},
    overrides: suite.overrides.map(({ requirements: _hardware, resources: _shares, labels: _labels, ...rest }) => rest),
  }));
  return Buffer.from(JSON.stringify({ ...project, suites: bare }));
}

function keyOf(framework: string, id: string): string {
  return `${framework}\0${id}`;
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): OutcomeDifference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [was, is] = [before.get(key) ?? "not there", after.get(key) ?? "not there"];
    const [framework = "", ...id] = key.split("\0");
    return was === is ? [] : [{ framework, id: id.join("\0"), before: was, after: is }];
  });
}
