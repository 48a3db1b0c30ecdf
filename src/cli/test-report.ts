import { shellWord } from "../frameworks/index.ts";
import { isPassed, outcomeText } from "./outcome-words.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { EndedRun } from "./perform-run.ts";
import { countText, durationText } from "./quantities.ts";
import type { PreparedWorkspace } from "./shipped-workspace.ts";
import { harmless, harmlessLines, paint, plain } from "./style.ts";
import type { Style } from "./style.ts";
import { countOutcomes, exitCodeOfTests } from "./test-verdict.ts";
import type { ToldTest } from "./test-verdict.ts";

/** A file of which the framework could not say what is in it. */
export interface DiscoveryProblem {
  framework: string;
  directory: string;
  file: string | null;
  message: string;
}

export interface TestsOfRun {
  ended: EndedRun;
  tests: readonly ToldTest[];
  problems: readonly DiscoveryProblem[];
  suites: readonly DiscoveredSuite[];
  folder: string;
  /** What was sent of it; null when the workers used it in place. */
  shipped: PreparedWorkspace["shipped"];
  /** Which tests were chosen by what changed, and which left out; null when that was not asked. */
  changes: unknown;
}

/** Of more than so many the rest is only counted. */
const MAX_SHOWN = 50;

/** What the command prints and ends with. */
export interface TestReport {
  /** What did not pass, each with the line that runs it alone, and one line of summary. */
  lines: () => string[];
  /** The same for programs. */
  document: { tests: readonly ToldTest[]; problems: readonly DiscoveryProblem[]; exit_code: ExitCode } & Record<
    string,
    unknown
  >;
  exitCode: ExitCode;
}

export function testReport(content: TestsOfRun, style: Style): TestReport {
  const { ended, tests, problems, shipped } = content;
  const exitCode = exitCodeOfTests(ended, tests, problems.length);
  const told = tests.map((one) => ({ ...one, reproduce: isPassed(one) ? null : reproduceLine(one, content) }));
  return {
    lines: () => [...problemLines(problems, style), ...failureLines(told, style), summary(content, style)],
    document: {
      run: ended.run,
      url: ended.url,
      counts: countOutcomes(tests),
      tests: told,
      problems,
      workspace: shipped,
      changes: content.changes,
      exit_code: exitCode,
    },
    exitCode,
  };
}

function problemLines(problems: readonly DiscoveryProblem[], style: Style): string[] {
  return problems.flatMap(({ framework, file, message }) => [
    `${paint(style, "red", plain(style, "✕"))} ${framework} could not read ${harmless(file ?? "its tests")}`,
    ...harmlessLines(message).map((line) => `    ${line}`.trimEnd()),
    "",
  ]);
}

function failureLines(tests: readonly (ToldTest & { reproduce: string | null })[], style: Style): string[] {
  const bad = tests.filter((one) => !isPassed(one));
  const lines = bad
    .slice(0, MAX_SHOWN)
    .flatMap((one) => [
      `${outcomeText(style, one)} ${harmless(one.id)}`,
      ...harmlessLines(one.message ?? "").map((line) => `    ${line}`.trimEnd()),
      ...(one.reproduce === null ? [] : [plain(style, `    again: ${harmless(one.reproduce)}`)]),
      "",
    ]);
  return bad.length > MAX_SHOWN ? [...lines, `and ${bad.length - MAX_SHOWN} more`, ""] : lines;
}

function summary({ ended: { run }, tests, problems }: TestsOfRun, style: Style): string {
  const counts = Object.entries(countOutcomes(tests)).map(([word, count]) => `${count} ${word.replaceAll("_", " ")}`);
  const seconds = run.end_time === null ? 0 : (Date.parse(run.end_time) - Date.parse(run.create_time)) / 1000;
  const files = problems.length === 0 ? "" : `, ${countText(problems.length, "file")} not read`;
  const workers = new Set(tests.flatMap(({ worker_id: worker }) => worker ?? [])).size;
  return plain(
    style,
    `${run.run_id}: ${countText(tests.length, "test")}: ${counts.join(", ")}${files}; ${durationText(seconds)} on ${countText(workers, "worker")}`,
  );
}

function reproduceLine({ id, file = "", task_id: taskId }: ToldTest, { suites, folder }: TestsOfRun): string | null {
  const having = suites.filter(
    ({ suite, discovery }) =>
      taskId.startsWith(`${suite.framework}/`) && discovery.tests.some((one) => one.id === id || one.file === file),
  );
  // Two suites may name a test alike.
  const found = having.find(({ suite }) => taskId.startsWith(`${suite.framework}/${suite.directory}/`)) ?? having[0];
  if (found === undefined) return null;
  const line = found.framework.reproduce({ id, file }, found.suite).map(shellWord).join(" ");
  const where = found.suite.directory === "." ? folder : `${folder}/${found.suite.directory}`;
  return `cd ${shellWord(where)} && ${line}`;
}
