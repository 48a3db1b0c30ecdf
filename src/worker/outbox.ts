import { errorMessage } from "../base/index.ts";
import type { FinishedItem } from "../contracts/index.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/** What keeps results over the death of the process. */
export interface OutboxStore {
  load(): FinishedItem[];
  /** All or nothing. */
  write(changes: { put: readonly FinishedItem[]; remove: readonly number[] }): void;
  close(): void;
}

/** Keeps nothing: results die with the process, and the coordinator has the tasks run again. */
export const forgetfulStore: OutboxStore = { load: () => [], write: () => undefined, close: () => undefined };

/**
 * Results that the coordinator has not acknowledged. They are stored before they are first sent; changes are written once per
 * turn of the event loop, in one transaction.
 */
export class Outbox {
  private readonly store: OutboxStore;
  private readonly logger: WorkerLogger;
  private readonly items = new Map<number, FinishedItem>();
  private put: FinishedItem[] = [];
  private remove: number[] = [];

  constructor(store: OutboxStore, logger: WorkerLogger) {
    this.store = store;
    this.logger = logger;
    for (const item of store.load()) this.items.set(item.lease_seq, item);
  }

  get size(): number {
    return this.items.size;
  }

  has(leaseSeq: number): boolean {
    return this.items.has(leaseSeq);
  }

  /** All that is unacknowledged, oldest first. */
  all(): FinishedItem[] {
    return [...this.items.values()];
  }

  get(leaseSeq: number): FinishedItem | undefined {
    return this.items.get(leaseSeq);
  }

  /** Takes a result in, in place of one of the same lease. */
  add(item: FinishedItem): void {
    this.items.set(item.lease_seq, item);
    this.put.push(item);
  }

  /** The coordinator has answered: whatever it said, it has the result or does not want it. */
  acknowledge(leaseSeq: number): void {
    if (this.items.delete(leaseSeq)) this.remove.push(leaseSeq);
  }

  /** Writes what changed, and gives what was added since the last time: it may be sent now. */
  commit(): FinishedItem[] {
    const { put, remove } = this;
    if (put.length === 0 && remove.length === 0) return [];
    this.put = [];
    this.remove = [];
    try {
      this.store.write({ put, remove });
    } catch (error) {
      // Delivering a result that a crash could still lose is better than holding it back: then its task runs again.
      this.logger.error({ err: errorMessage(error), results: put.length }, "results could not be stored on disk");
    }
    return put;
  }

  close(): void {
    this.commit();
    this.store.close();
  }
}
