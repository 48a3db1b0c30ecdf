import type { FeedEvent, TestOutcome, TestResult } from "../contracts/index.ts";
import { exitCodeOfRun, exitCodes } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";
import { isFlaky, isPassed } from "./outcome-words.ts";
import type { EndedRun } from "./perform-run.ts";

/** What became of a test in a run, and where. */
export type ToldTest = Omit<TestResult, "output"> & { task_id: string; worker_id: string | null };

/** A test that should have run. */
export interface AwaitedTest {
  id: string;
  file: string;
  taskId: string;
}

/** Gathers what the events of a run tell of its tests. The last attempt of a task counts. */
export class TestLedger {
  private readonly awaited: ReadonlyMap<string, readonly AwaitedTest[]>;
  private readonly told = new Map<string, ToldTest[]>();
  private readonly trouble = new Map<string, string>();

  constructor(awaited: ReadonlyMap<string, readonly AwaitedTest[]>) {
    this.awaited = awaited;
  }

  /** How many tests did not pass until now, without those that are muted. */
  notPassed = 0;

  see({ type, task_id: taskId, tests, message, worker_id: worker }: FeedEvent): void {
    if (taskId === undefined || !this.awaited.has(taskId)) return;
    if (tests !== undefined) {
      this.told.set(
        taskId,
        tests.map((one) => ({ ...one, task_id: taskId, worker_id: worker ?? null })),
      );
      this.notPassed += tests.filter((one) => one.muted !== true && !isPassed(one)).length;
    } else if (message !== undefined && /^(attempt_finished|task_)/.test(type)) this.trouble.set(taskId, message);
  }

  /** Every test with its outcome; `not_run` with the reason for those whose turn never came, or whose end nobody told. */
  results(): ToldTest[] {
    return [...this.awaited].flatMap(([taskId, awaited]): ToldTest[] => {
      const told = this.told.get(taskId);
      if (told !== undefined) return told;
      const message = this.trouble.get(taskId) ?? "its task did not run";
      return awaited.map(({ id, file }) => ({
        id,
        file,
        outcome: "not_run" as const,
        duration_seconds: 0,
        message,
        task_id: taskId,
        worker_id: null,
      }));
    });
  }
}

export type OutcomeCounts = Partial<Record<TestOutcome | "flaky" | "muted", number>>;

/** A test counts once: a muted one that did not pass as `muted`, one that passed on a later try as `flaky`. */
export function countOutcomes(tests: readonly ToldTest[]): OutcomeCounts {
  const counts: OutcomeCounts = {};
  for (const one of tests) {
    const word = one.muted === true && !isPassed(one) ? "muted" : isFlaky(one) ? "flaky" : one.outcome;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** What `assay test` ends with: a test that said no comes before what could not be found out. */
export function exitCodeOfTests(ended: EndedRun, tests: readonly ToldTest[], problems: number): ExitCode {
  const isInterrupted = ended.exitCode === exitCodes.interrupted || ended.exitCode === exitCodes.terminated;
  if (isInterrupted) return ended.exitCode;
  const bad = tests.filter((one) => one.muted !== true && !isPassed(one));
  if (problems > 0 || bad.some(({ outcome }) => outcome !== "not_run")) return exitCodes.testsFailed;
  return bad.length > 0 ? exitCodes.infrastructure : exitCodeOfRun(ended.run);
}
