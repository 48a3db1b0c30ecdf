import type { FinishedItem } from "../src/contracts/index.ts";

/**
 * The results on a worker's disk, as SQLite keeps them there (`src/worker/sqlite-outbox-store.ts`): in a write-ahead log, which a
 * power failure cuts at some place after the last sync. With `synchronous = NORMAL`, while the coordinator answers, only checkpoints
 * sync; with `FULL`, while it is away, every write does. The worker relies on no more: a result that is taken back runs again.
 */
export class SimDisk {
  /** Every write is synced. */
  syncs = false;
  /** The last write, or the last sync, was refused. */
  failed = false;
  private readonly items = new Map<number, FinishedItem>();
  /** How each write since the last sync is undone. */
  private readonly undo: (() => void)[] = [];
  private readonly onRemoved: (leaseSeq: number) => void;

  constructor(onRemoved: (leaseSeq: number) => void) {
    this.onRemoved = onRemoved;
  }

  get size(): number {
    return this.items.size;
  }

  get unsynced(): number {
    return this.undo.length;
  }

  all(): FinishedItem[] {
    return [...this.items.values()];
  }

  write({ put, remove }: { put: readonly FinishedItem[]; remove: readonly number[] }): void {
    const before = new Map(this.items);
    for (const item of put) this.items.set(item.lease_seq, item);
    for (const leaseSeq of remove) {
      this.onRemoved(leaseSeq);
      this.items.delete(leaseSeq);
    }
    if (this.syncs) this.sync();
    else this.undo.push(() => this.become(before));
    if (this.undo.length > CHECKPOINT_WRITES) this.sync();
  }

  sync(): void {
    this.undo.length = 0;
  }

  /** Takes back the last writes, so many as `draw` says of those that may go; false when none may. */
  loseTail(draw: (most: number) => number): boolean {
    const { undo } = this;
    if (undo.length === 0) return false;
    const [earliest] = undo.slice(-draw(undo.length));
    earliest?.();
    this.sync();
    return true;
  }

  clear(): void {
    this.items.clear();
    this.sync();
  }

  private become(items: ReadonlyMap<number, FinishedItem>): void {
    this.items.clear();
    for (const [leaseSeq, item] of items) this.items.set(leaseSeq, item);
  }
}

/** SQLite syncs when its log has grown to a thousand pages; so many writes stand for that. */
const CHECKPOINT_WRITES = 100;
