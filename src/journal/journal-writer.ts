import { AssayError, assert, type Clock, errorMessage } from "../base/index.ts";
import { assayError, type JournalEvent } from "../contracts/index.ts";
import { batchCodec } from "./batch-codec.ts";
import { isSameBatch, sealBatch, tailAfter } from "./batch.ts";
import type { AppendOutcome, Batch, Journal, Tail } from "./journal.ts";

/** One batch is being made durable while the next one is on its way to the disk; more would only add latency. */
const MAX_IN_FLIGHT = 2;

/** How long to wait before each further `resolve`: together less than the time after which a standby takes over. */
const RESOLVE_DELAYS_MS = [0, 20, 50, 100, 200, 400, 800, 1500];

export interface JournalWriterOptions {
  journal: Journal;
  /** The tail up to which the leader has replayed: `claim` succeeds only if it still is the tail. */
  tail: Tail;
  /** Unique to this term of leadership, so that no other writer makes the same batch ids. */
  holderNonce: string;
  clock: Clock;
  /** Called once, when leadership is over: `not_leader`, `journal_unavailable`, `disk_full` or another storage error. */
  onLost: (error: AssayError) => void;
}

/** A batch that the journal has not yet said anything final about. */
interface Pending {
  batch: Batch;
  /** Set once it was handed to the journal. */
  outcome?: Promise<AppendOutcome>;
  committed: PromiseWithResolvers<void>;
}

/**
 * The leader's pen. `claim` first, then `append`: events get their place in the journal when they are handed over, and a
 * promise settles in that order, only when its batch is durable. After the first failure nothing is accepted any more.
 */
export class JournalWriter {
  /** The epoch that `claim` opens. */
  readonly epoch: number;
  private readonly options: JournalWriterOptions;
  /** The tail once everything accepted is committed. */
  private predicted: Tail;
  private readonly queue: Pending[] = [];
  private sent = 0;
  private draining = false;
  private resolving = false;
  private counter = 0;
  private phase: "unclaimed" | "claiming" | "leading" = "unclaimed";
  private lost: AssayError | undefined;
  private room: PromiseWithResolvers<void> | undefined;

  constructor(options: JournalWriterOptions) {
    this.options = options;
    this.predicted = options.tail;
    this.epoch = options.tail.epoch + 1;
  }

  /** The journal sequence of the last event accepted: the next one gets this plus one. */
  get lastEvent(): number {
    return this.predicted.lastEvent;
  }

  /** Batches accepted and not yet committed. */
  get backlog(): number {
    return this.queue.length;
  }

  /** Opens the epoch with its first events. Rejects with `not_leader` if somebody appended since `tail`. */
  async claim(events: readonly JournalEvent[], timeMs: number): Promise<void> {
    assert(this.phase === "unclaimed", "an epoch is claimed once");
    this.phase = "claiming";
    await this.enqueue(events, timeMs);
    this.phase = "leading";
  }

  /** Settles when the batch is durable; rejects, as everything after it, when leadership is over. */
  append(events: readonly JournalEvent[], timeMs: number): Promise<void> {
    assert(this.phase === "leading" || this.lost !== undefined, "a leader claims its epoch before it appends");
    return this.enqueue(events, timeMs);
  }

  /**
   * Settles when a batch appended now would go to the journal at once. A leader that decides only then puts all that came
   * in meanwhile into one batch, so batches grow with the load. Rejects when leadership is over.
   */
  ready(): Promise<void> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    if (this.hasRoom()) return Promise.resolve();
    this.room ??= Promise.withResolvers<void>();
    return this.room.promise;
  }

  private hasRoom(): boolean {
    return this.queue.length < MAX_IN_FLIGHT && !this.resolving;
  }

  private enqueue(events: readonly JournalEvent[], timeMs: number): Promise<void> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    this.counter += 1;
    const { journal, holderNonce } = this.options;
    const codec = journal.codec ?? batchCodec;
    const content = {
      epoch: this.epoch,
      batchId: `${holderNonce}:${this.counter}`,
      timeMs,
      eventCount: events.length,
      events: codec.encode(events),
    };
    const batch = sealBatch(this.predicted, content, codec.hash);
    this.predicted = tailAfter(batch);
    const pending: Pending = { batch, committed: Promise.withResolvers<void>() };
    this.queue.push(pending);
    this.send();
    if (!this.draining) void this.drain();
    return pending.committed.promise;
  }

  /** Hands batches over up to the limit; none while an earlier one is in doubt. */
  private send(): void {
    while (!this.resolving && this.sent < MAX_IN_FLIGHT) {
      const next = this.queue[this.sent];
      if (next === undefined) return;
      this.sent += 1;
      next.outcome = this.options.journal.append(next.batch);
      // It is awaited in its turn; until then a rejection is not unhandled.
      next.outcome.catch(() => {});
    }
  }

  /** Takes outcomes in order until nothing is in flight. Never rejects. */
  private async drain(): Promise<void> {
    this.draining = true;
    for (let head = this.queue[0]; head?.outcome !== undefined; head = this.queue[0]) {
      const failure = await this.settle(head.batch, head.outcome).catch(toStorageError);
      if (failure !== undefined) {
        this.lose(failure);
        break;
      }
      this.queue.shift();
      this.sent -= 1;
      head.committed.resolve();
      this.send();
      if (this.hasRoom()) {
        this.room?.resolve();
        this.room = undefined;
      }
    }
    this.draining = false;
  }

  /** Why leadership is over, or undefined once the batch is committed. */
  private async settle(batch: Batch, appended: Promise<AppendOutcome>): Promise<AssayError | undefined> {
    const outcome = await appended;
    // A batch sent behind one that got lost leaves a gap, so nobody is in its place: it may still be appended.
    if (outcome.kind === "committed") return undefined;
    if (outcome.kind === "fenced" && outcome.by !== null) return fencedError(batch, outcome.by);
    this.resolving = true;
    const failure = await this.resolve(batch);
    this.resolving = false;
    return failure;
  }

  private async resolve(batch: Batch): Promise<AssayError | undefined> {
    let cause = "";
    for (const delayMs of RESOLVE_DELAYS_MS) {
      if (delayMs > 0) await this.delay(delayMs);
      const outcome = await this.options.journal.resolve(batch);
      if (outcome.kind === "committed") return undefined;
      if (outcome.kind === "fenced") return fencedError(batch, outcome.by);
      cause = outcome.cause;
    }
    const message = `Whether batch ${batch.seq} was stored could not be found out in ${RESOLVE_DELAYS_MS.length} tries: ${cause}`;
    return assayError("journal_unavailable", message);
  }

  private delay(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.options.clock.setTimer(delayMs, resolve);
    return promise;
  }

  private lose(error: AssayError): void {
    this.lost = error;
    for (const { committed } of this.queue.splice(0)) committed.reject(error);
    this.room?.reject(error);
    this.options.onLost(error);
  }
}

function fencedError(batch: Batch, by: Batch | null): AssayError | undefined {
  if (by !== null && isSameBatch(by, batch)) return undefined;
  const place = by === null ? "its place is gone" : `epoch ${by.epoch} stands in its place with batch ${by.batchId}`;
  return assayError("not_leader", `Batch ${batch.seq} of epoch ${batch.epoch} was refused: ${place}.`);
}

function toStorageError(error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  return assayError("journal_unavailable", `The journal could not be written: ${errorMessage(error)}`, {
    cause: error,
  });
}
