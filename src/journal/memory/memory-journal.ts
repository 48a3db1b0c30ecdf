import { assertNever } from "../../base/index.ts";
import { assertSealed, sealBatch } from "../batch.ts";
import { encodeEvents } from "../event-codec.ts";
import { followBatches } from "../follow.ts";
import type { AppendOutcome, Batch, Journal, Snapshot, StoredSnapshot, Tail } from "../journal.ts";
import { assertTrimmable } from "../snapshot-rules.ts";
import type { MemoryStore } from "./memory-store.ts";

/**
 * What goes wrong in one call: the batch is stored but the answer is lost; neither happens; another writer claims the next
 * epoch just before.
 */
export type MemoryFault = "none" | "stored_unknown" | "lost_unknown" | "fenced";

/** Asked before every append and resolve. */
export type MemoryFaultPlan = (call: "append" | "resolve", batch: Batch) => MemoryFault;

/** A journal over a `MemoryStore`, for unit tests and the simulator. Several may share a store, as processes share a database. */
export class MemoryJournal implements Journal {
  private readonly store: MemoryStore;
  private readonly plan: MemoryFaultPlan;
  private isClosed = false;

  constructor(store: MemoryStore, plan: MemoryFaultPlan = () => "none") {
    this.store = store;
    this.plan = plan;
  }

  async open(): Promise<Tail> {
    return this.store.tail;
  }

  async firstSeq(): Promise<number> {
    return this.store.firstSeq;
  }

  async append(batch: Batch): Promise<AppendOutcome> {
    return this.write("append", batch);
  }

  async resolve(batch: Batch): Promise<AppendOutcome> {
    return this.write("resolve", batch);
  }

  async read(fromSeq: number, limit: number): Promise<Batch[]> {
    return this.store.read(fromSeq, limit);
  }

  follow(fromSeq: number, signal: AbortSignal): AsyncIterable<Batch> {
    const read = this.read.bind(this);
    return followBatches({ read, bell: this.store.bell, closed: () => this.isClosed }, fromSeq, signal);
  }

  async saveSnapshot(snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
    this.store.saveSnapshot(snapshot, [...parts]);
  }

  async latestSnapshot(): Promise<StoredSnapshot | null> {
    return this.store.latestSnapshot;
  }

  async trim(beforeSeq: number): Promise<void> {
    assertTrimmable(beforeSeq, this.store.latestSnapshot);
    this.store.trim(beforeSeq);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.store.bell.ring();
  }

  private write(call: "append" | "resolve", batch: Batch): AppendOutcome {
    assertSealed(batch);
    const fault = this.plan(call, batch);
    switch (fault) {
      case "none":
        return this.store[call](batch);
      case "stored_unknown":
        this.store[call](batch);
        return { kind: "unknown", cause: "the answer was lost" };
      case "lost_unknown":
        return { kind: "unknown", cause: "the request was lost" };
      case "fenced":
        this.appendRival();
        return this.store[call](batch);
      default:
        return assertNever(fault);
    }
  }

  private appendRival(): void {
    const { tail } = this.store;
    const epoch = tail.epoch + 1;
    const events = encodeEvents([{ type: "epoch_opened", epoch, holder: "rival", graceMs: 0 }]);
    this.store.append(sealBatch(tail, { epoch, batchId: `rival${epoch}:1`, timeMs: 0, eventCount: 1, events }));
  }
}
