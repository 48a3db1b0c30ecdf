import { errorMessage } from "../base/index.ts";
import type { FinishedItem } from "../contracts/index.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/** What keeps results over the death of the process. */
export interface OutboxStore {
  load(): FinishedItem[];
  /** All or nothing. */
  write(changes: { put: readonly FinishedItem[]; remove: readonly number[] }): void;
  /** With `power`, all that is written, before and after, survives a power failure too; without it only the process's death. */
  outlast(power: boolean): void;
  close(): void;
}

/** Keeps nothing: results die with the process, and the coordinator has the tasks run again. */
export const forgetfulStore: OutboxStore = {
  load: () => [],
  write: () => undefined,
  outlast: () => undefined,
  close: () => undefined,
};

/**
 * Results that the coordinator has not acknowledged. They are stored before they are first sent; changes are written once per
 * turn of the event loop, in one transaction.
 */
export class Outbox {
  private readonly disk: OutboxStore;
  private readonly logger: WorkerLogger;
  private readonly items = new Map<number, FinishedItem>();
  private unsent: FinishedItem[] = [];
  private readonly put = new Map<number, FinishedItem>();
  private readonly remove = new Set<number>();
  private failure: string | null = null;

  constructor(store: OutboxStore, logger: WorkerLogger) {
    this.disk = store;
    this.logger = logger;
    for (const item of store.load()) this.items.set(item.lease_seq, item);
  }

  /** Why the last changes could not be stored; null when all is. They are kept in memory and stored by a later `commit`. */
  get unstored(): string | null {
    return this.failure;
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
    this.put.set(item.lease_seq, item);
    this.remove.delete(item.lease_seq);
    this.unsent.push(item);
  }

  /** The coordinator has answered: whatever it said, it has the result or does not want it. */
  acknowledge(leaseSeq: number): void {
    if (!this.items.delete(leaseSeq)) return;
    this.put.delete(leaseSeq);
    this.remove.add(leaseSeq);
  }

  /** Writes what changed, and gives what was added since the last time: it may be sent now. */
  commit(): FinishedItem[] {
    const unsent = this.unsent;
    this.unsent = [];
    if (this.put.size > 0 || this.remove.size > 0) this.store();
    return unsent;
  }

  /** The coordinator is away: what waits for it may wait for long. Or it is back. */
  outlast(power: boolean): void {
    try {
      this.disk.outlast(power);
    } catch (error) {
      this.logger.warn({ err: errorMessage(error) }, "results on disk might not survive a power failure");
    }
  }

  private store(): void {
    try {
      this.disk.write({ put: [...this.put.values()], remove: [...this.remove] });
      this.put.clear();
      this.remove.clear();
      this.failure = null;
    } catch (error) {
      // Delivering a result that a crash could still lose is better than holding it back: then its task runs again.
      this.failure = errorMessage(error);
      this.logger.error({ err: this.failure, results: this.put.size }, "results could not be stored on disk");
    }
  }

  close(): void {
    this.commit();
    this.disk.close();
  }
}
