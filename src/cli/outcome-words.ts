import type { TestOutcome, TestResult } from "../contracts/index.ts";
import { bad, good, out, trouble } from "../reports/index.ts";
import type { StateWord } from "../reports/index.ts";
import { painted } from "./state-words.ts";
import type { Style } from "./style.ts";

const outcomeWords: Readonly<Record<TestOutcome, StateWord>> = {
  passed: good("passed"),
  failed: bad("failed"),
  error: trouble("error"),
  skipped: out("skipped"),
  xfailed: good("failed as expected"),
  xpassed: trouble("passed unexpectedly"),
  crashed: bad("crashed"),
  timed_out: trouble("timed out"),
  not_run: out("not run"),
};
const flakyWord = trouble("flaky");
const mutedWord = out("muted");

type Judged = Pick<TestResult, "outcome" | "muted" | "retries">;

/** What became of a test as sign and word: `flaky` when it passed only on a later try, `muted` when its failure does not count. */
export function outcomeText(style: Style, test: Judged): string {
  return painted(style, wordOf(test));
}

function wordOf(test: Judged): StateWord {
  if (isFlaky(test)) return flakyWord;
  return test.muted === true && !isPassed(test) ? mutedWord : outcomeWords[test.outcome];
}

/** It passed, but not at once. */
export function isFlaky({ outcome, retries = 0 }: Judged): boolean {
  return outcome === "passed" && retries > 0;
}

const passing: ReadonlySet<TestOutcome> = new Set<TestOutcome>(["passed", "skipped", "xfailed", "xpassed"]);

/** Nothing needs to be told of it; whether `xpassed` fails a run is the framework's to say. */
export function isPassed({ outcome }: Judged): boolean {
  return passing.has(outcome);
}
