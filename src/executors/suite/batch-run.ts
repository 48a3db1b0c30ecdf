import type { Timer } from "../../base/index.ts";
import { MAX_TEST_OUTPUT } from "../../contracts/index.ts";
import type { RecoveryStep, TestResult } from "../../contracts/index.ts";
import type { ProcessEnd, TestEvent } from "../../frameworks/index.ts";
import type { ExecutionContext } from "../executor.ts";
import { abortReason } from "../interruption.ts";
import type { WarmSession } from "./warm-sessions.ts";

/** Of the steps that were taken, so many are kept: a result has room for no more. */
const MAX_STEPS = 900;

export interface BatchRunOptions {
  tests: readonly string[];
  testTimeoutMs: number | undefined;
  context: ExecutionContext;
  /** A session that can run tests; with `fresh` one that has not run any. */
  open(options: { fresh: boolean }): Promise<WarmSession>;
  /** Takes back a session that can run more. */
  done(warm: WarmSession): Promise<void>;
  /** Takes a session whose process has ended. */
  ended(warm: WarmSession): Promise<void>;
  onResult(result: TestResult): void;
  onAttachment(event: TestEvent & { kind: "attachment" }): void;
}

/** How a process stopped in the middle of tests. */
interface Break {
  end: ProcessEnd;
  /** The test, or the file, that it was at; undefined when it was at none. */
  at: string | undefined;
  /** How long it was at it. */
  seconds: number;
  tooLong: boolean;
  exceeded: string | undefined;
  /** The end of what its processes printed. */
  printed: string;
}

/**
 * Runs the tests of one attempt, whatever they do to the process that runs them: a test that ends it is tried once more alone, so that it
 * is known whether it was this test, and the others go on in a fresh process.
 */
export class BatchRun {
  readonly recovery: RecoveryStep[] = [];
  private readonly options: BatchRunOptions;
  /** What was asked for and has not come to its end, in order. */
  private readonly pending: Set<string>;
  /** Files and classes that were asked for, of which tests were told. */
  private readonly begun = new Set<string>();

  constructor(options: BatchRunOptions) {
    this.options = options;
    this.pending = new Set(options.tests);
  }

  async run(): Promise<void> {
    const { context } = this.options;
    while (this.pending.size > 0 && !context.signal.aborted) {
      const broken = await this.runSome([...this.pending], { fresh: false });
      if (context.signal.aborted) this.stopAt(broken);
      else if (broken === null) this.finishUnreported();
      else await this.settle(broken);
    }
    for (const id of this.pending)
      if (!this.begun.has(id)) this.finish(outcomeOf(id, "not_run", "its turn never came"));
  }

  /** What became of those at which a process stopped. */
  private async settle(broken: Break): Promise<void> {
    const [first = ""] = this.pending;
    const at = broken.at ?? first;
    if (broken.tooLong) return this.finishAll(at, this.tooLong(broken));
    const suspects = this.those(at);
    const again = await this.runSome(suspects, { fresh: true, retries: 1 });
    if (this.recovery.length < MAX_STEPS)
      this.recovery.push({
        strategy: "fresh_process",
        class: "crash",
        reason: "test_process_ended",
        message: `${endText(broken)} at ${at}: it ran once more alone`.slice(0, 2_000),
        succeeded: again === null,
      });
    if (this.options.context.signal.aborted) return this.stopAt(again);
    if (again === null) this.finishUnreported(suspects);
    else this.blame(again, suspects);
    this.giveUpAround(at);
  }

  /** The process of the suspects alone has ended too. */
  private blame(again: Break, suspects: readonly string[]): void {
    const at = again.at ?? suspects.find((id) => this.pending.has(id));
    if (at === undefined) return;
    const message = `${endText(again)}, also when it ran alone`;
    this.finishAll(
      at,
      again.tooLong
        ? this.tooLong(again)
        : { outcome: "crashed", message, duration_seconds: again.seconds, ...printedBy(again) },
    );
  }

  /** Null when all were run, else how their process stopped. */
  private async runSome(
    tests: readonly string[],
    { fresh, retries = 0 }: { fresh: boolean; retries?: number },
  ): Promise<Break | null> {
    const { context } = this.options;
    const warm = await this.options.open({ fresh }).catch((error: unknown) => {
      // What was told until then counts.
      if (context.signal.aborted) return null;
      throw error;
    });
    if (warm === null) return null;
    let at: string | undefined;
    let sinceMs = 0;
    let tooLong = false;
    let timer: Timer | undefined;
    const stop = (): void => void warm.processes.kill();
    const watch = (): void => {
      timer?.cancel();
      timer = undefined;
      sinceMs = context.clock.monotonicMs();
      const limitMs = this.options.testTimeoutMs;
      if (at === undefined || limitMs === undefined) return;
      timer = context.clock.setTimer(limitMs, () => {
        tooLong = true;
        stop();
      });
    };
    context.signal.addEventListener("abort", stop, { once: true });
    if (context.signal.aborted) stop();
    const end = await warm.session.run(tests, (event) => {
      if (event.kind === "started") at = event.id;
      if (event.kind === "finished") {
        if (event.result.id === at) at = undefined;
        this.finish(retries === 0 ? event.result : { ...event.result, retries: (event.result.retries ?? 0) + retries });
      }
      if (event.kind === "attachment") this.options.onAttachment(event);
      if (event.kind === "started" || event.kind === "finished") watch();
    });
    const seconds = at === undefined ? 0 : (context.clock.monotonicMs() - sinceMs) / 1000;
    timer?.cancel();
    context.signal.removeEventListener("abort", stop);
    if (end === null) {
      await this.options.done(warm);
      return null;
    }
    const exceeded = warm.processes.exceeded();
    const printed = new TextDecoder().decode(await warm.processes.output.tail(MAX_TEST_OUTPUT));
    await this.options.ended(warm);
    return { end, at, seconds, tooLong, exceeded, printed };
  }

  private finish(result: TestResult): void {
    const wasAsked = this.pending.delete(result.id);
    if (!wasAsked) for (const id of this.pending) if (isWithin(result.id, id)) this.begun.add(id);
    this.options.onResult(result);
  }

  /** A framework that says that it is done has also run the files that were asked for. */
  private finishUnreported(ids: Iterable<string> = [...this.pending]): void {
    for (const id of ids) {
      if (!this.pending.has(id)) continue;
      if (this.begun.has(id)) this.pending.delete(id);
      else this.finish(outcomeOf(id, "error", "the framework said nothing of this test"));
    }
  }

  private stopAt(broken: Break | null): void {
    if (broken?.at === undefined) return;
    const how =
      abortReason(this.options.context.signal) === "timeout"
        ? ({ outcome: "timed_out", message: "it ran when the time limit of the task was over" } as const)
        : ({ outcome: "not_run", message: "it was stopped while it ran" } as const);
    this.finishAll(broken.at, { ...how, duration_seconds: broken.seconds });
  }

  /** The test, or all that is asked for of a file. */
  private those(at: string): string[] {
    const within = [...this.pending].filter((id) => id === at || isWithin(id, at));
    if (within.length > 0) return within;
    const [first] = this.pending;
    const isPart = first === undefined || [...this.pending].some((id) => isWithin(at, id));
    return isPart ? [at] : this.those(first);
  }

  private finishAll(at: string, how: Omit<TestResult, "id">): void {
    for (const id of this.those(at)) this.finish({ id, ...how });
    this.giveUpAround(at);
  }

  /** A file that was asked for whole cannot be gone on with after the test in it at which the process stopped. */
  private giveUpAround(at: string): void {
    for (const id of this.pending)
      if (isWithin(at, id))
        this.finish(outcomeOf(id, "error", `the process stopped at ${at}: what comes after it was not run`));
  }

  private tooLong(broken: Break): Omit<TestResult, "id"> {
    const { seconds } = broken;
    const limit = (this.options.testTimeoutMs ?? 0) / 1000;
    const message = `it ran longer than test_timeout_seconds = ${limit}`;
    return { outcome: "timed_out", message, duration_seconds: seconds, ...printedBy(broken) };
  }
}

/** Whether a test is in a file, a class or a module, as pytest and unittest write them. */
function isWithin(id: string, place: string): boolean {
  return id.startsWith(place) && /^(::|\.| > )/.test(id.slice(place.length));
}

function outcomeOf(id: string, outcome: TestResult["outcome"], message: string): TestResult {
  return { id, outcome, duration_seconds: 0, message };
}

/** What may say why it ended, where the framework did not come to tell of it. */
function printedBy({ printed }: Break): Pick<TestResult, "output"> {
  return printed.trim() === "" ? {} : { output: printed };
}

function endText({ end, exceeded }: Break): string {
  const how = end.signal === null ? `with exit code ${end.exitCode}` : `by the signal ${end.signal}`;
  return exceeded === undefined ? `its process ended ${how}` : `its process was ended: ${exceeded}`;
}
