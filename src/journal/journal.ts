import type { JournalEvent } from "../contracts/index.ts";

/** What one append stores. Hashes are 32 bytes; `events` is what `encodeEvents` gives. */
export interface Batch {
  /** 1, 2, 3 … without a gap. */
  seq: number;
  epoch: number;
  /** `${holderNonce}:${counter}`: tells two writers' batches apart, and a batch sent twice from two batches. */
  batchId: string;
  /** The hash of batch `seq - 1`; zeros before the first. */
  prevHash: Uint8Array;
  /** SHA-256 over all other fields, see `batchHash`. */
  hash: Uint8Array;
  /** Journal sequence of its first event; the next batch's when it has none. */
  firstEvent: number;
  eventCount: number;
  /** Wall time of all its events, whole milliseconds since 1970. That it never falls is the leader's duty. */
  timeMs: number;
  events: Uint8Array;
}

/** Where a journal ends: what the next batch must follow. Zeros when it is empty. */
export interface Tail {
  seq: number;
  epoch: number;
  hash: Uint8Array;
  lastEvent: number;
}

/**
 * `committed`: durable. `fenced`: not stored, and never will be as it is; `by` is the batch in its place, null when there
 * is none (it would leave a gap, or its place was trimmed). `unknown`: may or may not be stored; only `resolve` can tell.
 */
export type AppendOutcome =
  | { kind: "committed" }
  | { kind: "fenced"; by: Batch | null }
  | { kind: "unknown"; cause: string };

/** How the events of a batch become what is stored, and the hash that links it to the batch before. */
export interface BatchCodec {
  readonly encode: (events: readonly JournalEvent[]) => Uint8Array;
  readonly decode: (stored: Uint8Array) => JournalEvent[];
  readonly hash: (batch: Omit<Batch, "hash">) => Uint8Array;
}

/** The state after batch `batchSeq`, so that a reader need not start at the first batch. */
export interface Snapshot {
  batchSeq: number;
  lastEvent: number;
  epoch: number;
  /** The hash of batch `batchSeq`: the next batch's `prevHash`. */
  hash: Uint8Array;
}

/** A snapshot as it was saved: its state comes back in the parts that it was given in. */
export interface StoredSnapshot extends Snapshot {
  parts(): AsyncIterable<string>;
}

/** What a follower may do. Errors: AssayError `journal_broken`, `journal_unavailable`, and for snapshots `disk_full`. */
export interface JournalReader {
  /** In place of `batchCodec`, for processes that are one and pass events as they are: the simulator's. */
  readonly codec?: BatchCodec;
  /** The tail as it is now. */
  open(): Promise<Tail>;
  /** The oldest batch that is kept: 1 unless trimmed, also when empty. */
  firstSeq(): Promise<number>;
  /** At most `limit` batches from `fromSeq` on, linked and checked; none past the tail. `journal_broken` names the batch. */
  read(fromSeq: number, limit: number): Promise<Batch[]>;
  /** Every batch from `fromSeq` on, once and in order, also those appended later. Ends on abort and on `close`. */
  follow(fromSeq: number, signal: AbortSignal): AsyncIterable<Batch>;
  /** The parts are taken one after the other, as they can be written; they never are in memory together. */
  saveSnapshot(snapshot: Snapshot, parts: Iterable<string>): Promise<void>;
  /** The newest snapshot that is whole. */
  latestSnapshot(): Promise<StoredSnapshot | null>;
  close(): Promise<void>;
}

/** The journal as a leader has it. One instance per process and one caller. */
export interface Journal extends JournalReader {
  /**
   * Compare-and-append: stores the batch only if it directly follows the tail: `seq`, `prevHash` and `firstEvent` continue
   * it, and `epoch` does not fall. Throws AssayError `disk_full` or `data_dir_read_only` when it was refused.
   */
  append(batch: Batch): Promise<AppendOutcome>;
  /** The same batch again after `unknown`: `committed` if it is there, `fenced` if another is, else appends it. */
  resolve(batch: Batch): Promise<AppendOutcome>;
  /**
   * Forgets the batches before `beforeSeq`, but never the tail. Refused with AssayError `conflict` unless a whole snapshot
   * at or after `beforeSeq - 1` exists. Leave the batches since the second newest snapshot, so that it can still serve.
   */
  trim(beforeSeq: number): Promise<void>;
}
