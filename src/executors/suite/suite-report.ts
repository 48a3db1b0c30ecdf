import type { JsonObject } from "../../base/index.ts";
import { MAX_TEST_MESSAGE, MAX_TEST_OUTPUT, MAX_TESTS_PER_TASK } from "../../contracts/index.ts";
import type { Failure, RecoveryStep, SuiteConfig, TestOutcome, TestResult } from "../../contracts/index.ts";
import type { ExecutionReport } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";

/** A result travels in one frame of at most 1 MiB, beside its other parts. */
const MAX_TESTS_BYTES = 700_000;
const MAX_ID = 4_096;
/** Text of each test, from all that may be to none, until all tests fit. */
const SHARES = [1, 0.5, 0.25, 0.1, 0.03, 0];
const NAMED_FAILURES = 5;

const bad: ReadonlySet<TestOutcome> = new Set(["failed", "error", "crashed", "timed_out"]);

export function isBad({ outcome }: Pick<TestResult, "outcome">): boolean {
  return bad.has(outcome);
}

export interface SuiteEnd {
  config: SuiteConfig;
  tests: readonly TestResult[];
  recovery: RecoveryStep[];
  signal: AbortSignal;
  durationSeconds: number;
  missingArtifacts: readonly { name: string; reason: string }[];
  outputTail: Uint8Array;
}

/** What became of an attempt, by what became of its tests. */
export function suiteReport(end: SuiteEnd): ExecutionReport {
  const { config, tests, recovery, signal, missingArtifacts } = end;
  const stopped = abortReason(signal);
  const failing = tests.filter((test) => isBad(test) && test.muted === undefined);
  const left = tests.length - MAX_TESTS_PER_TASK;
  const results: JsonObject = {
    framework: config.framework,
    outcomes: counts(tests),
    ...(left > 0 ? { tests_left_out: left } : {}),
    ...(missingArtifacts.length === 0 ? {} : { missing_artifacts: missingArtifacts.map((entry) => ({ ...entry })) }),
  };
  return {
    ...verdict(stopped === undefined ? failing : [], stopped, tests.length),
    ...(stopped === undefined ? {} : { partial: true }),
    results,
    metrics: [
      { name: "duration_seconds", value: end.durationSeconds, unit: "s" },
      { name: "tests", value: tests.length, unit: "count" },
    ],
    recovery,
    tests: fitted(tests),
    outputTail: end.outputTail,
    provenance: {
      kind: "real",
      proven: true,
      evidence: [
        { check: "tests_reported", passed: true, detail: `${config.framework} told of ${tests.length} tests` },
      ],
    },
  };
}

function verdict(
  failing: readonly TestResult[],
  stopped: ReturnType<typeof abortReason>,
  total: number,
): Pick<ExecutionReport, "status" | "failure"> {
  if (stopped !== undefined) return interruptedReport(stopped);
  if (failing.length === 0) return { status: "completed" };
  const named = failing.slice(0, NAMED_FAILURES).map(({ id, outcome }) => `${id.slice(0, 200)} (${outcome})`);
  const more = failing.length > named.length ? `, and ${failing.length - named.length} more` : "";
  const failure: Failure = {
    class: "assertion",
    reason: "tests_failed",
    message: `${failing.length} of ${total} tests: ${named.join(", ")}${more}`,
  };
  return { status: "failed", failure };
}

function counts(tests: readonly TestResult[]): JsonObject {
  const found: Record<string, number> = {};
  for (const { outcome } of tests) found[outcome] = (found[outcome] ?? 0) + 1;
  return found;
}

/** As much of each test as fits into a result: those that did not pass come first where there are too many. */
function fitted(tests: readonly TestResult[]): TestResult[] {
  const kept =
    tests.length <= MAX_TESTS_PER_TASK
      ? tests
      : [...tests.filter(isBad), ...tests.filter((test) => !isBad(test))].slice(0, MAX_TESTS_PER_TASK);
  let cut: TestResult[] = [];
  for (const share of SHARES) {
    cut = kept.map((test) => cutTo(test, share));
    if (Buffer.byteLength(JSON.stringify(cut)) <= MAX_TESTS_BYTES) break;
  }
  return cut;
}

function cutTo({ message, output, id, file, ...rest }: TestResult, share: number): TestResult {
  const text = message === undefined ? "" : shown(message, Math.floor(MAX_TEST_MESSAGE * share));
  const printed = output === undefined ? "" : shown(output, Math.floor(MAX_TEST_OUTPUT * share));
  return {
    id: shown(id, MAX_ID),
    ...(file === undefined ? {} : { file: shown(file, MAX_ID) }),
    ...rest,
    ...(text === "" ? {} : { message: text }),
    ...(printed === "" ? {} : { output: printed }),
  };
}

/** The end of a text, where errors say what they are; without what databases and screens do not take. */
function shown(text: string, length: number): string {
  const end = length === 0 ? "" : text.length <= length ? text : text.slice(-length);
  return end.replaceAll("\0", "\u2400").toWellFormed();
}
