import { assayError } from "../../contracts/index.ts";
import { assertChain, batchHash, emptyTail, follows, isSameBatch, tailAfter } from "../batch.ts";
import { Bell } from "../bell.ts";
import type { AppendOutcome, Batch, BatchCodec, Snapshot, StoredSnapshot, Tail } from "../journal.ts";
import { SNAPSHOTS_KEPT } from "../snapshot-rules.ts";

/** What a disk or a database is for the other journals: outlives the journals opened on it. Batches are shared, not copied. */
export class MemoryStore {
  /** Rung after every append. */
  readonly bell = new Bell();
  private first = 1;
  private batches: Batch[] = [];
  private snapshots: StoredSnapshot[] = [];
  private readonly hash: BatchCodec["hash"];

  constructor(hash: BatchCodec["hash"] = batchHash) {
    this.hash = hash;
  }

  get firstSeq(): number {
    return this.first;
  }

  get tail(): Tail {
    const last = this.batches.at(-1);
    return last === undefined ? emptyTail() : tailAfter(last);
  }

  at(seq: number): Batch | null {
    return this.batches[seq - this.first] ?? null;
  }

  append(batch: Batch): AppendOutcome {
    if (!follows(this.tail, batch)) return { kind: "fenced", by: this.at(batch.seq) };
    this.batches.push(batch);
    this.bell.ring();
    return { kind: "committed" };
  }

  resolve(batch: Batch): AppendOutcome {
    const stored = this.at(batch.seq);
    if (stored === null) return this.append(batch);
    return isSameBatch(stored, batch) ? { kind: "committed" } : { kind: "fenced", by: stored };
  }

  read(fromSeq: number, limit: number): Batch[] {
    if (fromSeq < this.first)
      throw assayError("journal_broken", `Batch ${fromSeq} was trimmed: the journal starts at ${this.first}.`);
    const before = this.at(fromSeq - 1);
    const start = fromSeq - this.first;
    const batches = this.batches.slice(start, start + limit);
    assertChain(batches, before === null ? this.unseenTail(fromSeq) : tailAfter(before), this.hash);
    return batches;
  }

  /** As it is now: a backup. */
  copy(): MemoryStore {
    const copy = new MemoryStore(this.hash);
    copy.first = this.first;
    copy.batches = [...this.batches];
    copy.snapshots = [...this.snapshots];
    return copy;
  }

  /** Puts another batch in a stored one's place, as a failing disk does. */
  overwrite(batch: Batch): void {
    this.batches[batch.seq - this.first] = batch;
  }

  trim(beforeSeq: number): void {
    const cut = Math.min(beforeSeq - this.first, this.batches.length - 1);
    if (cut <= 0) return;
    this.batches = this.batches.slice(cut);
    this.first += cut;
  }

  saveSnapshot(snapshot: Snapshot, parts: readonly string[]): void {
    const stored = { ...snapshot, parts: () => inTurn(parts) };
    const others = this.snapshots.filter(({ batchSeq }) => batchSeq !== snapshot.batchSeq);
    this.snapshots = [stored, ...others].toSorted((a, b) => b.batchSeq - a.batchSeq).slice(0, SNAPSHOTS_KEPT);
  }

  get latestSnapshot(): StoredSnapshot | null {
    return this.snapshots[0] ?? null;
  }

  private unseenTail(fromSeq: number): Tail | null {
    return fromSeq === 1 ? emptyTail() : null;
  }
}

async function* inTurn(parts: readonly string[]): AsyncGenerator<string, void> {
  yield* parts;
}
