import type { PlacedEvent } from "../contracts/index.ts";
import { batchCodec } from "../journal/index.ts";
import type { Batch, BatchCodec } from "../journal/index.ts";

/** The events of a batch at their places. */
export function placedEvents(batch: Batch): PlacedEvent[] {
  return eventsOf(batch, batchCodec);
}

/** The same for a journal with a codec of its own. */
export function eventsOf(batch: Batch, codec: BatchCodec): PlacedEvent[] {
  return codec.decode(batch.events).map((event, index) => ({
    seq: batch.firstEvent + index,
    atMs: batch.timeMs,
    event,
  }));
}

/**
 * What happened lately, for those who watch. Kept as bytes: as objects, events that nobody may ever ask for would outlive the
 * young generation, and their collection would cost more than making them again.
 */
export class RecentEvents {
  private readonly kept: number;
  private readonly batches: Batch[] = [];
  private count = 0;
  /** The events that were made last: watchers mostly ask for the newest, or for the rest of a batch. */
  private made: { batch: Batch; events: readonly PlacedEvent[] } | undefined;
  /** Every event after this one is here. */
  private from = 0;

  /** Keeps the batches that hold the last `kept` events. */
  constructor(kept: number) {
    this.kept = kept;
  }

  /** Starts after event `seq`. */
  startAfter(seq: number): void {
    this.from = seq;
  }

  /** Whether all events after this one are still here. */
  reachesTo(afterSeq: number): boolean {
    return afterSeq >= this.from;
  }

  add(batch: Batch, events: readonly PlacedEvent[]): void {
    this.batches.push(batch);
    this.count += batch.eventCount;
    this.made = { batch, events };
    for (let [oldest] = this.batches; oldest && this.count - oldest.eventCount >= this.kept; [oldest] = this.batches) {
      this.batches.shift();
      this.count -= oldest.eventCount;
      this.from = oldest.firstEvent + oldest.eventCount - 1;
    }
  }

  /** The events after this one, oldest first, made as they are asked for. */
  *after(afterSeq: number): Generator<PlacedEvent, void> {
    for (let index = this.firstAfter(afterSeq); index < this.batches.length; index += 1) {
      const batch = this.batches[index];
      if (!batch) return;
      for (const one of this.eventsOf(batch)) if (one.seq > afterSeq) yield one;
    }
  }

  private eventsOf(batch: Batch): readonly PlacedEvent[] {
    if (this.made?.batch !== batch) this.made = { batch, events: placedEvents(batch) };
    return this.made.events;
  }

  /** The first batch that reaches past an event, by bisection. */
  private firstAfter(afterSeq: number): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const batch = this.batches[middle];
      if (batch && batch.firstEvent + batch.eventCount - 1 > afterSeq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
