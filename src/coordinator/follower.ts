import { AssayError, asRunId, assert, isoTime } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { FailurePattern, FeedEvent, MutedEvidence, PlacedEvent, RunView } from "../contracts/index.ts";
import { tailAfter } from "../journal/index.ts";
import type { Batch, JournalReader } from "../journal/index.ts";
import type { Digest } from "./digest.ts";
import type { Results } from "../results/index.ts";
import { StateRestoration, emptyState, evolve, snapshotParts } from "../scheduler/index.ts";
import type { State } from "../scheduler/index.ts";
import type { FeedWanted } from "./control.ts";
import { collectFeed } from "./feed.ts";
import { muteWatch } from "./mute-watch.ts";
import { patternWatch } from "./pattern-watch.ts";
import { RecentEvents, placedEvents } from "./recent-events.ts";
import type { ResultsWatch } from "./results-watch.ts";
import { isSnapshotDue } from "./snapshot-due.ts";

/**
 * Rows wait at most this long, or until there are so many events, before they are written together: a task that is submitted
 * and finished meanwhile is written once. Nobody waits for it, because a question writes what it needs first.
 */
const FLUSH_AFTER_MS = 1_000;
const FLUSH_AFTER_EVENTS = 50_000;
const FLUSH_RETRY_MS = 1_000;
/** Recent events kept in memory for those who watch; older ones are read from the journal. */
const FEED_KEPT = 20_000;
const FEED_BATCHES = 64;

export interface FollowerOptions {
  journal: JournalReader;
  results: Results;
  clock: Clock;
  digest: Digest;
  /** Everything up to this event is in the results. */
  onProjected: (seq: number) => void;
  /** What fails more often than chance explains, in the results up to this event. */
  onPatterns: (patterns: FailurePattern[], seq: number) => void;
  /** What muted tests have shown since. */
  onMuted: (tests: MutedEvidence[]) => void;
  /** Rows or a snapshot could not be written, and will be tried again. */
  onTrouble: (error: unknown) => void;
}

/** Replays what a snapshot holds, or nothing. */
export async function loadSnapshot(journal: JournalReader): Promise<{ state: State; batchSeq: number }> {
  const snapshot = await journal.latestSnapshot();
  if (!snapshot) {
    if ((await journal.firstSeq()) > 1)
      throw assayError("journal_broken", "The journal was trimmed, and no snapshot is whole.");
    return { state: emptyState(), batchSeq: 0 };
  }
  const restoration = new StateRestoration();
  for await (const part of snapshot.parts()) restoration.add(part);
  return { state: restoration.finish(), batchSeq: snapshot.batchSeq };
}

/** Hash of a state: two that saw the same events have the same. */
export function stateHash(state: State, digest: Digest): string {
  return digest(snapshotParts(state));
}

/**
 * Follows the journal as a standby would, with the same `evolve`: keeps a copy of the state, writes results and snapshots, and
 * remembers what happened lately for those who watch.
 */
export class Follower {
  private readonly options: FollowerOptions;
  private readonly recent = new RecentEvents(FEED_KEPT);
  private readonly watches: readonly ResultsWatch[];
  private state: State = emptyState();
  private batch: Batch | undefined;
  private sinceSnapshot = 0;
  /** While a snapshot is written the state must not change. */
  private saving: Promise<void> = Promise.resolve();
  private flushing: Promise<void> = Promise.resolve();
  private flushTimer: Timer | undefined;
  private failure: AssayError | undefined;
  private stopped = false;
  private readonly waiters = new Set<{ seq: number; resolve: () => void; reject: (error: unknown) => void }>();
  private readonly hashRequests = new Map<number, (hash: string) => void>();

  constructor(options: FollowerOptions) {
    this.options = options;
    const { results, clock, onPatterns: onFound, onMuted: onEvidence, onTrouble } = options;
    this.watches = [
      patternWatch({ results, clock, onFound, onTrouble }),
      muteWatch({ results, clock, onEvidence, onTrouble }),
    ];
  }

  /** Runs until the signal fires. Rejects when the journal is broken. */
  async run(signal: AbortSignal): Promise<void> {
    const { journal, results } = this.options;
    signal.addEventListener("abort", () => (this.stopped = true), { once: true });
    try {
      const { state, batchSeq } = await loadSnapshot(journal);
      this.state = state;
      this.recent.startAfter(state.seq);
      const applied = results.applied();
      const from = Math.min(batchSeq, applied.batchSeq) + 1;
      if (from < (await journal.firstSeq())) {
        throw assayError(
          "journal_broken",
          `The results end at batch ${applied.batchSeq}, but the journal begins later.`,
        );
      }
      for await (const batch of journal.follow(from, signal)) await this.apply(batch, batchSeq);
      await this.flush();
      for (const watch of this.watches) await watch.stop();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  private async apply(batch: Batch, snapshotSeq: number): Promise<void> {
    const { results } = this.options;
    const placed = placedEvents(batch);
    await this.saving;
    if (batch.seq > results.applied().batchSeq) results.apply(placed, batch.seq);
    if (batch.seq > snapshotSeq) {
      this.evolve(placed);
      this.recent.add(batch, placed);
    }
    this.batch = batch;
    this.settleWaiters();
    if (results.pending() >= FLUSH_AFTER_EVENTS) await this.flushPatiently();
    else this.flushTimer ??= this.options.clock.setTimer(FLUSH_AFTER_MS, () => void this.flushPatiently());
    if (isSnapshotDue(this.sinceSnapshot, this.state)) await this.trySnapshot();
  }

  private evolve(placed: readonly PlacedEvent[]): void {
    for (const one of placed) {
      assert(one.seq === this.state.seq + 1, `event ${one.seq} follows event ${this.state.seq}`);
      evolve(this.state, one.event, one.atMs);
      for (const watch of this.watches) watch.note(one);
      if (this.hashRequests.size > 0) this.answerHash(one.seq);
    }
    this.sinceSnapshot += placed.length;
  }

  /** Writes the rows that wait, one flush at a time. After a failure the same rows are written first the next time. */
  flush(): Promise<void> {
    this.flushTimer?.cancel();
    this.flushTimer = undefined;
    const { results, onProjected } = this.options;
    const write = async (): Promise<void> => {
      if (results.pending() === 0) return;
      await results.flush();
      onProjected(results.applied().eventSeq);
      for (const watch of this.watches) watch.written(this.state);
    };
    this.flushing = this.flushing.then(write, write);
    return this.flushing;
  }

  /** The same, again and again until it works, as after a full disk: rows can wait, the journal has everything. Never rejects. */
  private async flushPatiently(): Promise<void> {
    for (;;) {
      try {
        return await this.flush();
      } catch (error) {
        this.options.onTrouble(error);
        await new Promise<void>((resolve) => this.options.clock.setTimer(FLUSH_RETRY_MS, resolve));
        if (this.stopped) return;
      }
    }
  }

  /** Resolves when everything up to `seq` can be read from the results. */
  async caughtUp(seq: number): Promise<void> {
    await this.seen(seq);
    if (this.options.results.applied().eventSeq < seq) await this.flush();
  }

  /** Resolves when the event has been followed. */
  async seen(seq: number): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.state.seq >= seq) return;
    await new Promise<void>((resolve, reject) => this.waiters.add({ seq, resolve, reject }));
  }

  private settleWaiters(): void {
    for (const waiter of this.waiters) {
      if (waiter.seq > this.state.seq) continue;
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }

  private fail(error: unknown): void {
    this.failure = error instanceof AssayError ? error : assayError("internal", String(error), { cause: error });
    for (const waiter of this.waiters) waiter.reject(this.failure);
    this.waiters.clear();
  }

  /** The hash of the state right after event `seq`, which must not lie in the past. */
  hashAt(seq: number): Promise<string> {
    if (this.state.seq === seq) return Promise.resolve(stateHash(this.state, this.options.digest));
    assert(this.state.seq < seq, `event ${seq} is not yet passed`);
    return new Promise((resolve) => this.hashRequests.set(seq, resolve));
  }

  /** A run as it stands, without a question to the results; undefined when it left memory or never was. */
  runView(runId: string): RunView | undefined {
    const run = this.state.runs.get(asRunId(runId));
    return (
      run && {
        run_id: run.runId,
        name: run.name,
        state: run.state,
        submitted_by: run.submittedBy,
        create_time: isoTime(run.createdAtMs),
        end_time: run.endedAtMs === null ? null : isoTime(run.endedAtMs),
        counts: { ...run.counts },
      }
    );
  }

  private answerHash(seq: number): void {
    this.hashRequests.get(seq)?.(stateHash(this.state, this.options.digest));
    this.hashRequests.delete(seq);
  }

  async feed(afterSeq: number, wanted: FeedWanted): Promise<{ events: FeedEvent[]; nextSeq: number }> {
    const placed = this.recent.reachesTo(afterSeq) ? this.recent.after(afterSeq) : await this.eventsAfter(afterSeq);
    return collectFeed(placed, afterSeq, wanted);
  }

  /** Events that left memory, from the journal: a part of them, at least one when there is one. */
  private async eventsAfter(afterSeq: number): Promise<PlacedEvent[]> {
    const batches = await this.options.journal.read(await this.batchAfter(afterSeq), FEED_BATCHES);
    return batches.flatMap(placedEvents).filter((one) => one.seq > afterSeq);
  }

  /** The batch that holds the first event after `afterSeq`, by bisection. */
  private async batchAfter(afterSeq: number): Promise<number> {
    let low = await this.options.journal.firstSeq();
    let high = this.batch?.seq ?? low;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [batch] = await this.options.journal.read(middle, 1);
      if (!batch || batch.firstEvent + batch.eventCount - 1 > afterSeq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** A snapshot only makes the next start faster: without one, all goes on. */
  private async trySnapshot(): Promise<void> {
    try {
      await this.saveSnapshot();
    } catch (error) {
      this.sinceSnapshot = 0;
      this.options.onTrouble(error);
    }
  }

  saveSnapshot(): Promise<void> {
    const write = (): Promise<void> => this.writeSnapshot();
    const saved = this.saving.then(write);
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private async writeSnapshot(): Promise<void> {
    const { batch, state, sinceSnapshot } = this;
    if (!batch || sinceSnapshot === 0) return;
    const { seq: batchSeq, lastEvent, epoch, hash } = tailAfter(batch);
    await this.options.journal.saveSnapshot({ batchSeq, lastEvent, epoch, hash }, snapshotParts(state));
    this.sinceSnapshot = 0;
  }
}
