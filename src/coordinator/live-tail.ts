import type { FeedEvent, PlacedEvent } from "../contracts/index.ts";
import type { FeedWanted } from "./control.ts";
import { collectFeed } from "./feed.ts";

/** Events kept for those who watch; who falls further behind reads from the follower. */
const KEPT_EVENTS = 4_096;
/** Nobody who watches is away for longer than so many commits. */
const INTEREST_COMMITS = 256;

interface Waiter {
  seq: number;
  resolve(): void;
}

/**
 * What was committed last, for those who watch it happen: they need not wait for the follower. Costs nothing while nobody does.
 */
export class LiveTail {
  private batches: (readonly PlacedEvent[])[] = [];
  private kept = 0;
  /** Every event after this one is in `batches`; nothing is until the first commit. */
  private from = Number.POSITIVE_INFINITY;
  private seq = 0;
  private interest = 0;
  private readonly waiters = new Set<Waiter>();

  committed(events: readonly PlacedEvent[]): void {
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return;
    this.from = Math.min(this.from, first.seq - 1);
    this.seq = last.seq;
    this.interest -= 1;
    if (this.interest > 0 || this.waiters.size > 0) this.keep(events);
    else this.clear();
    for (const waiter of this.waiters) if (waiter.seq < last.seq) waiter.resolve();
  }

  /** The events after `afterSeq`, or null when they are not all here. */
  feed(afterSeq: number, wanted: FeedWanted): { events: FeedEvent[]; nextSeq: number } | null {
    if (afterSeq < this.from) return null;
    return collectFeed(this.after(afterSeq), afterSeq, wanted);
  }

  /** Resolves when something is committed after `seq`, or when the signal fires. */
  async grown(seq: number, signal: AbortSignal): Promise<void> {
    this.interest = INTEREST_COMMITS;
    if (this.seq > seq || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { seq, resolve };
    this.waiters.add(waiter);
    signal.addEventListener("abort", resolve as () => void, { once: true });
    await promise;
    signal.removeEventListener("abort", resolve as () => void);
    this.waiters.delete(waiter);
  }

  private keep(events: readonly PlacedEvent[]): void {
    this.batches.push(events);
    this.kept += events.length;
    while (this.batches.length > 1 && this.kept > KEPT_EVENTS) {
      const oldest = this.batches.shift() ?? [];
      this.kept -= oldest.length;
      this.from = oldest.at(-1)?.seq ?? this.from;
    }
  }

  private clear(): void {
    this.batches = [];
    this.kept = 0;
    this.from = this.seq;
  }

  /** Searched from the end: who watches is seldom more than a few commits behind. */
  private *after(afterSeq: number): Generator<PlacedEvent, void> {
    let start = this.batches.length;
    while (start > 0 && (this.batches[start - 1]?.at(-1)?.seq ?? 0) > afterSeq) start -= 1;
    for (let index = start; index < this.batches.length; index += 1) {
      for (const one of this.batches[index] ?? []) if (one.seq > afterSeq) yield one;
    }
  }
}
