import type { RecoveryStep, RecoveryStrategy } from "../../contracts/index.ts";
import { backendFacts } from "./backends/backend-names.ts";
import type { BackendFacts } from "./backends/backend-names.ts";
import { identityOf, mismatch, writeCheckpoint } from "./checkpoint.ts";
import type { Checkpoint, MeasuredUnder, Resumption } from "./checkpoint.ts";
import { largestPeak } from "./inference-host.ts";
import { combineLaunches } from "./launches.ts";
import type { MeasuredBatch } from "./launches.ts";
import type { BatchReport, LoadReport, ModelRunProgress, ModelRunReport, ModelRunRequest } from "./messages.ts";
import type { ModelFailure } from "./model-failure.ts";
import type { ModelRunOutcome, RunModel, RunWatch } from "./model-run.ts";
import { betweenSizes } from "./batch-size-search.ts";
import { halved, nextStrategy, stepAgainst } from "./recovery.ts";

/** A batch size that the task asked for and that could not be measured. */
export interface Unmeasured {
  readonly batchSize: number;
  readonly message: string;
}

/** A report over all launches. */
export type MeasuredReport = Omit<ModelRunReport, "batches"> & { readonly batches: readonly MeasuredBatch[] };

/** What was measured before an attempt failed or was cancelled. */
export interface MeasuredPart {
  readonly load: LoadReport | null;
  readonly batches: readonly MeasuredBatch[];
}

/** What became of an attempt, over all runs that it took. */
export type ModelAttemptOutcome = {
  readonly log: string;
  readonly recovery: readonly RecoveryStep[];
  readonly unmeasured: readonly Unmeasured[];
  /** The smallest batch size that did not fit in memory. */
  readonly tooLarge: number | undefined;
  /** Batch sizes whose figures are of an earlier attempt. */
  readonly resumed: readonly number[];
  /** Why the checkpoint was of no use. */
  readonly ignored: string | undefined;
} & (
  | { readonly status: "completed"; readonly report: MeasuredReport }
  | { readonly status: "failed"; readonly failure: ModelFailure; readonly partial: MeasuredPart }
  | { readonly status: "cancelled"; readonly partial: MeasuredPart }
);

export interface ModelAttemptOptions extends RunWatch {
  readonly run: RunModel;
  /** How many runs measure each batch size. */
  readonly launches: number;
  /** Look for the largest batch size that fits: between what did and what did not. */
  readonly searches?: boolean;
  readonly under: MeasuredUnder;
  readonly resumption: Resumption;
  /** Called with the payload for the next attempt each time a batch size is finished. */
  readonly onCheckpoint?: (payload: string) => void;
}

/** Runs a model once after another, each time anew, until its batch sizes are measured, or nothing is left to try against a failure. */
export function attemptModel(request: ModelRunRequest, options: ModelAttemptOptions): Promise<ModelAttemptOutcome> {
  return new ModelAttempt(request, options).run();
}

class ModelAttempt {
  private readonly request: ModelRunRequest;
  private readonly options: ModelAttemptOptions;
  private readonly place: BackendFacts;
  private readonly finished = new Map<number, BatchReport>();
  private readonly unmeasured: Unmeasured[] = [];
  private tooLarge: number | undefined;
  private readonly recovery: RecoveryStep[] = [];
  private readonly resumed = new Set<number>();
  private readonly checkpoint: Checkpoint | undefined;
  private ignored: string | undefined;
  private waiting: readonly number[];
  /** The first run's: later ones find warm caches. */
  private load: LoadReport | null = null;
  private launch = 0;
  /** What the launches after the first measured. */
  private readonly again: BatchReport[] = [];
  private log = "";

  constructor(request: ModelRunRequest, options: ModelAttemptOptions) {
    this.request = request;
    this.options = options;
    this.place = backendFacts[request.backend];
    const { resumption } = options;
    if (resumption.kind === "checkpoint") this.checkpoint = resumption.checkpoint;
    if (resumption.kind === "ignored") this.ignored = resumption.reason;
    for (const batch of this.checkpoint?.batches ?? []) {
      if (!request.batchSizes.includes(batch.batchSize)) continue;
      this.finished.set(batch.batchSize, batch);
      this.resumed.add(batch.batchSize);
    }
    this.waiting = request.batchSizes.filter((size) => !this.finished.has(size));
  }

  async run(): Promise<ModelAttemptOutcome> {
    for (;;) {
      const outcome = await this.options.run(this.nextRequest(), { ...this.options, onProgress: this.follow });
      this.log = outcome.log;
      if (outcome.status === "failed" && this.recovers(outcome)) continue;
      // The checkpoint was of another file: what it spared is measured after all.
      if (outcome.status === "completed" && this.waiting.length > 0) continue;
      if (outcome.status === "completed" && this.searchesOn()) continue;
      return this.end(outcome.status === "completed" ? await this.launchAgain(outcome) : outcome);
    }
  }

  /** Whether a batch size between what fitted and what did not is worth a run. */
  private searchesOn(): boolean {
    if (this.options.searches !== true) return false;
    const next = betweenSizes(Math.max(...this.finished.keys()), this.tooLarge);
    if (next === undefined) return false;
    this.waiting = [next];
    return true;
  }

  /**
   * Measures what was measured once more in processes of their own, each time beginning with another batch size, so that what drifts
   * meanwhile meets all of them. What it ends with is the end of the attempt.
   */
  private async launchAgain(first: ModelRunOutcome): Promise<ModelRunOutcome> {
    const sizes = [...this.finished.keys()];
    for (this.launch = 1; this.launch < this.options.launches; this.launch += 1) {
      const from = this.launch % sizes.length;
      const outcome = await this.measureAgain([...sizes.slice(from), ...sizes.slice(0, from)]);
      if (outcome.status !== "completed") return outcome;
    }
    return first;
  }

  private async measureAgain(batchSizes: readonly number[]): Promise<ModelRunOutcome> {
    let waiting = batchSizes;
    const onProgress = (progress: ModelRunProgress): void => {
      this.options.onProgress?.(progress);
      if (progress.stage !== "batch_finished") return;
      this.again.push(progress.batch);
      waiting = waiting.filter((size) => size !== progress.batch.batchSize);
      this.settle(true);
    };
    for (;;) {
      const request = { ...this.request, batchSizes: waiting, measuresOnly: true };
      const outcome = await this.options.run(request, { ...this.options, onProgress });
      this.log = outcome.log;
      if (outcome.status !== "failed" || !this.recovers(outcome)) return outcome;
    }
  }

  private nextRequest(): ModelRunRequest {
    // Cold starts are compared over time, so they are taken at the same batch size while that works.
    const first = this.recovery.length === 0 ? this.request.batchSizes[0] : this.waiting[0];
    return { ...this.request, batchSizes: this.waiting, firstBatchSize: first ?? 1 };
  }

  private readonly follow = (progress: ModelRunProgress): void => {
    this.options.onProgress?.(progress);
    if (progress.stage === "loaded") this.loaded(progress.load);
    if (progress.stage === "batch_finished") this.keep(progress.batch);
  };

  private loaded(load: LoadReport): void {
    this.load ??= load;
    if (this.resumed.size === 0 || this.checkpoint === undefined) return;
    this.ignored = mismatch(this.checkpoint, load);
    if (this.ignored === undefined) return;
    for (const size of this.resumed) this.finished.delete(size);
    this.waiting = [...this.waiting, ...this.resumed];
    this.resumed.clear();
  }

  private keep(batch: BatchReport): void {
    this.finished.set(batch.batchSize, batch);
    this.waiting = this.waiting.filter((size) => size !== batch.batchSize);
    this.settle(true);
    if (this.load === null) return;
    const batches = [...this.finished.values()];
    const payload = writeCheckpoint(this.options.under, { ...identityOf(this.load), batches });
    if (payload !== "") this.options.onCheckpoint?.(payload);
  }

  /** The latest step helped, or did not. */
  private settle(succeeded: boolean): void {
    const latest = this.recovery.at(-1);
    if (latest !== undefined) this.recovery[this.recovery.length - 1] = { ...latest, succeeded };
  }

  /** Decides what to do about a failure; false when nothing is left to try. */
  private recovers({ failure, batchSize }: Extract<ModelRunOutcome, { status: "failed" }>): boolean {
    const strategy = nextStrategy(this.place, failure.class, this.recovery);
    if (strategy === undefined) return false;
    // Later launches measure what the first one did, nothing smaller.
    if (strategy === "halve_batch") return this.launch === 0 && batchSize !== null && this.halve(batchSize, failure);
    const where = batchSize === null ? "outside of a batch" : `at batch size ${batchSize}`;
    const text = `${failure.class} ${where}; ${whatFollows(strategy, this.place)} (${failure.message})`;
    const step = stepAgainst(failure, strategy, text);
    const endsHere = strategy === "hand_back";
    this.recovery.push({ ...step, succeeded: endsHere });
    return !endsHere;
  }

  private halve(failed: number, failure: ModelFailure): boolean {
    const measured = new Set(this.finished.keys());
    const { searches = false } = this.options;
    const next = halved(failed, { waiting: this.waiting, measured, searches });
    if (next === undefined) return false;
    this.tooLarge = Math.min(failed, this.tooLarge ?? failed);
    const { half, waiting, dropped } = next;
    for (const batchSize of dropped) {
      if (!this.request.batchSizes.includes(batchSize)) continue;
      const message =
        batchSize === failed ? "does not fit in memory" : `not tried: batch size ${failed} does not fit in memory`;
      this.unmeasured.push({ batchSize, message });
    }
    this.waiting = waiting;
    const known = measured.has(half);
    const message = known ? `${half} does, and was measured` : `${half} is tried`;
    const text = `batch size ${failed} does not fit in memory; ${message} (${failure.message})`;
    this.recovery.push({ ...stepAgainst(failure, "halve_batch", text), succeeded: known });
    return true;
  }

  private end(outcome: ModelRunOutcome): ModelAttemptOutcome {
    const { recovery, unmeasured, tooLarge, log } = this;
    const batches = [...this.finished.values()]
      .toSorted((a, b) => this.rank(a) - this.rank(b))
      .map((batch) => combineLaunches([batch, ...this.again.filter(({ batchSize }) => batchSize === batch.batchSize)]));
    const shared = { log, recovery, unmeasured, tooLarge, resumed: [...this.resumed], ignored: this.ignored };
    if (outcome.status === "completed") {
      this.settle(true);
      const { report } = outcome;
      // Earlier runs may have needed more than the last one.
      const peakBytes = largestPeak([report.memory.peakBytes, ...batches.map((batch) => batch.peakMemoryBytes)]);
      const whole = { ...report, load: this.load ?? report.load, batches, memory: { ...report.memory, peakBytes } };
      return { ...shared, status: "completed", report: whole };
    }
    const partial = { load: this.load, batches };
    if (outcome.status === "cancelled") return { ...shared, status: "cancelled", partial };
    return { ...shared, status: "failed", failure: outcome.failure, partial };
  }

  /** In the order in which they were asked for; those that took another's place come last. */
  private rank({ batchSize }: BatchReport): number {
    const index = this.request.batchSizes.indexOf(batchSize);
    return index < 0 ? this.request.batchSizes.length : index;
  }
}

function whatFollows(strategy: RecoveryStrategy, { browser }: BackendFacts): string {
  if (strategy === "hand_back") return "the attempt ends, so that another worker can take the task";
  const fresh = browser === undefined ? "a fresh process" : "a fresh browser";
  return strategy === "new_device" ? `${fresh} opens the device anew` : `${fresh} goes on`;
}
