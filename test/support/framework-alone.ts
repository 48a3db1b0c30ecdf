import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import type { FrameworkName, TestOutcome } from "../../src/contracts/index.ts";
import { junitCases } from "./junit.ts";
import type { JUnitCase } from "./junit.ts";

/** What became of each test, by a name that a framework's own report and an id of ours have in common; several of one name are sorted. */
export type Outcomes = ReadonlyMap<string, readonly string[]>;

export interface Alone {
  framework: FrameworkName;
  folder: string;
  arguments: readonly string[];
  env: NodeJS.ProcessEnv;
}

interface Named {
  name: string;
  outcome: string;
}

/** How a framework is run by itself, and how its report is read. */
interface Way {
  command(run: Alone, report: string): readonly string[];
  env?(report: string): NodeJS.ProcessEnv;
  read(text: string, run: Alone): Named[];
  /** Of a test of ours; undefined for one that the report does not have. */
  nameOf(id: string): string;
  /** Of a file that could not be read, where the report has it as a test. */
  nameOfFile?(file: string): string;
  /** Words for which the report has another. */
  words?: Partial<Record<TestOutcome, string>>;
}

const unittestAlone = join(import.meta.dirname, "unittest_alone.py");

/** JUnit of JavaScript's frameworks has failures only. */
const FAILURES = { error: "failed", timed_out: "failed", crashed: "failed", xpassed: "failed" } as const;

const ways: Partial<Record<FrameworkName, Way>> = {
  pytest: {
    command: ({ arguments: given }, report) => ["python3", "-m", "pytest", "-q", `--junitxml=${report}`, ...given],
    read: readPytest,
    nameOf: pytestName,
    nameOfFile: pytestName,
    words: { xpassed: "passed" },
  },
  unittest: {
    command: ({ arguments: given }, report) => ["python3", unittestAlone, report, ...given],
    read: (text) => (JSON.parse(text) as [string, string][]).map(([name, outcome]) => ({ name, outcome })),
    nameOf: (id) => id.replace(/ #\d+$/, ""),
    nameOfFile: (file) => file.replace(/\.py$/, "").replaceAll("/", "."),
  },
  vitest: {
    command: (run, report) => [
      ...[process.execPath, packaged(run, "vitest", "vitest.mjs"), "run", "--reporter=junit"],
      ...[`--outputFile=${report}`, ...run.arguments],
    ],
    read: (text) =>
      junitCases(text).map((one) => ({
        name: jsName([one.attributes["classname"], one.attributes["name"]]),
        ...said(one),
      })),
    nameOf: jsNameOfId,
    words: FAILURES,
  },
  jest: {
    command: (run, report) => [
      ...[process.execPath, packaged(run, "jest", "bin/jest.js"), "--json", `--outputFile=${report}`, ...run.arguments],
    ],
    read: readJest,
    nameOf: jsNameOfId,
    words: FAILURES,
  },
  mocha: {
    command: (run, report) => [
      ...[process.execPath, packaged(run, "mocha", "bin/mocha.js"), "--reporter", "xunit"],
      ...["--reporter-option", `output=${report}`, ...run.arguments],
    ],
    read: (text, { folder }) =>
      junitCases(text).map((one) => {
        const { file = "", classname, name } = one.attributes;
        return { name: jsName([relative(folder, resolve(folder, file)), classname, name]), ...said(one) };
      }),
    nameOf: jsNameOfId,
    words: FAILURES,
  },
  "node-test": {
    command: (run, report) => [
      ...[process.execPath, "--test", "--test-reporter=junit", `--test-reporter-destination=${report}`],
      ...run.arguments,
    ],
    read: (text, { folder }) =>
      junitCases(text).map((one) => {
        const { file = "", name } = one.attributes;
        return { name: jsName([relative(folder, resolve(folder, file)), ...one.suites, name]), ...said(one) };
      }),
    nameOf: jsNameOfId,
    words: { ...FAILURES, xfailed: "skipped" },
  },
  playwright: {
    command: (run) => [
      ...[process.execPath, packaged(run, "@playwright/test", "cli.js"), "test", "--reporter=junit", ...run.arguments],
    ],
    env: (report) => ({ PLAYWRIGHT_JUNIT_OUTPUT_FILE: report }),
    read: (text) =>
      junitCases(text).map((one) => ({
        name: jsName([one.attributes["classname"], one.attributes["name"]]),
        ...said(one),
      })),
    nameOf: (id) => jsNameOfId(id.replace(/^\[[^\]]*\] /, "")),
    words: { ...FAILURES, xfailed: "passed" },
  },
};

/** Runs a framework by itself and reads its own report. */
export async function outcomesAlone(run: Alone, report: string): Promise<Outcomes> {
  const way = wayOf(run.framework);
  await rm(report, { force: true });
  const [program = "", ...args] = way.command(run, report);
  const env = { ...run.env, ...way.env?.(report) };
  const { stdout, stderr } = spawnSync(program, args, { cwd: run.folder, env, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (!existsSync(report))
    throw new Error(`${run.framework} wrote no report: ${stdout.slice(-2_000)}${stderr.slice(-2_000)}`);
  return byName(way.read(await readFile(report, "utf8"), run));
}

/** The same of what `assay test --json` told. */
export function outcomesTold(
  framework: FrameworkName,
  tests: readonly { id: string; outcome: TestOutcome }[],
  problems: readonly { file: string | null }[],
): Outcomes {
  const way = wayOf(framework);
  const files = new Set(problems.flatMap(({ file }) => file ?? []));
  const unread = [...files].flatMap((file) =>
    way.nameOfFile === undefined ? [] : [{ name: way.nameOfFile(file), outcome: "error" }],
  );
  const ids = new Set(tests.map(({ id }) => id));
  // Node's report has a test with tests in it as what holds them.
  const holds = (id: string): boolean =>
    framework === "node-test" && [...ids].some((other) => other.startsWith(`${id} > `));
  const kept = tests.filter(({ id }) => !holds(id));
  const found = kept.map(({ id, outcome }) => ({ name: way.nameOf(id), outcome: way.words?.[outcome] ?? outcome }));
  return byName([...found, ...unread]);
}

/** Names of tests whose outcomes differ. */
export function differingNames(one: Outcomes, other: Outcomes): string[] {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].filter((name) => wordsOf(one, name) !== wordsOf(other, name));
}

export function wordsOf(outcomes: Outcomes, name: string): string {
  return (outcomes.get(name) ?? ["not there"]).join(", ");
}

function wayOf(framework: FrameworkName): Way {
  const way = ways[framework];
  if (way === undefined) throw new Error(`nothing says how ${framework} runs alone`);
  return way;
}

function byName(named: readonly Named[]): Outcomes {
  const found = new Map<string, string[]>();
  for (const { name, outcome } of named) found.set(name, [...(found.get(name) ?? []), outcome].toSorted());
  return found;
}

function said({ says }: JUnitCase): { outcome: string } {
  const failed = says.find(({ name }) => name === "failure") ?? says.find(({ name }) => name === "error");
  if (failed !== undefined) return { outcome: failed.name === "failure" ? "failed" : "error" };
  const skipped = says.find(({ name }) => name === "skipped");
  if (skipped === undefined) return { outcome: "passed" };
  return { outcome: skipped.attributes["type"] === "pytest.xfail" ? "xfailed" : "skipped" };
}

/** As pytest's report writes an id. */
function pytestName(id: string): string {
  const bracket = id.indexOf("[");
  const [address, parameters] = bracket < 0 ? [id, ""] : [id.slice(0, bracket), id.slice(bracket)];
  const [file = "", ...names] = address.split("::");
  const parts = [file.replaceAll("/", ".").replace(/\.py$/, ""), ...names];
  return `${parts.slice(0, -1).join(".")} ${parts.at(-1) ?? ""}${parameters}`;
}

function jsNameOfId(id: string): string {
  return jsName(id.replace(/ #\d+$/, "").split(" > "));
}

/** Frameworks join the names around a test with different signs, and reports make one line of several. */
function jsName(parts: readonly (string | undefined)[]): string {
  // What is told of a file itself has its name.
  return [...new Set(parts.slice(0, 2)), ...parts.slice(2)]
    .filter((part) => part !== undefined && part !== "")
    .join(" ")
    .replaceAll(/ [>›] /g, " ")
    .replaceAll(/ #\d+$/g, "")
    .replaceAll(/\s+/g, " ");
}

/** pytest has a test that failed twice there when what came after it failed too. */
function readPytest(text: string): Named[] {
  const found: Named[] = [];
  for (const one of junitCases(text)) {
    const named = { name: `${one.attributes["classname"]} ${one.attributes["name"]}`, ...said(one) };
    const before = found.at(-1);
    if (before?.name === named.name && before.outcome === "failed" && named.outcome === "error") continue;
    found.push(named);
  }
  return found;
}

interface JestReport {
  testResults: {
    name: string;
    assertionResults: { ancestorTitles: string[]; title: string; status: string }[];
  }[];
}

function readJest(text: string, { folder }: Alone): Named[] {
  return (JSON.parse(text) as JestReport).testResults.flatMap(({ name: path, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      name: jsName([relative(folder, path), ...ancestorTitles, title]),
      outcome: ["pending", "todo", "disabled"].includes(status) ? "skipped" : status,
    })),
  );
}

function packaged({ folder }: Alone, name: string, path: string): string {
  return join(dirname(createRequire(join(folder, "package.json")).resolve(`${name}/package.json`)), path);
}
