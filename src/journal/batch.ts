import { createHash } from "node:crypto";

import { assert } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { Batch, Tail } from "./journal.ts";

const HASH_BYTES = 32;
const NUMBER_BYTES = 8;
const LENGTH_BYTES = 4;

/** What a writer decides about a batch; the rest follows from the tail. */
export interface BatchContent {
  epoch: number;
  batchId: string;
  timeMs: number;
  eventCount: number;
  events: Uint8Array;
}

export function emptyTail(): Tail {
  return { seq: 0, epoch: 0, hash: new Uint8Array(HASH_BYTES), lastEvent: 0 };
}

/** The batch that follows `tail`. */
export function sealBatch(tail: Tail, content: BatchContent, hash = batchHash): Batch {
  const open = { seq: tail.seq + 1, prevHash: tail.hash, firstEvent: tail.lastEvent + 1, ...content };
  return { ...open, hash: hash(open) };
}

export function tailAfter(batch: Batch): Tail {
  const { seq, epoch, hash, firstEvent, eventCount } = batch;
  return { seq, epoch, hash, lastEvent: firstEvent + eventCount - 1 };
}

/**
 * SHA-256 over seq, epoch, batchId, prevHash, firstEvent, eventCount, timeMs, events in this order. Each stands as its
 * length in bytes (4 bytes) and its bytes: numbers as 8 bytes, text as UTF-8; all big-endian.
 */
export function batchHash(batch: Omit<Batch, "hash">): Uint8Array {
  const id = Buffer.from(batch.batchId, "utf8");
  const numbers = 5 * (LENGTH_BYTES + NUMBER_BYTES);
  const head = Buffer.allocUnsafe(numbers + 3 * LENGTH_BYTES + id.length + batch.prevHash.length);
  let at = writeNumber(head, 0, batch.seq);
  at = writeNumber(head, at, batch.epoch);
  at = writeBytes(head, at, id);
  at = writeBytes(head, at, batch.prevHash);
  at = writeNumber(head, at, batch.firstEvent);
  at = writeNumber(head, at, batch.eventCount);
  at = writeNumber(head, at, batch.timeMs);
  head.writeUInt32BE(batch.events.length, at);
  return createHash("sha256").update(head).update(batch.events).digest();
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** True when both are one batch, perhaps sent twice: the hash covers the batch id. */
export function isSameBatch(a: Batch, b: Batch): boolean {
  return sameBytes(a.hash, b.hash);
}

/** The compare of compare-and-append. */
export function follows(tail: Tail, batch: Batch): boolean {
  return (
    batch.seq === tail.seq + 1 &&
    sameBytes(batch.prevHash, tail.hash) &&
    batch.firstEvent === tail.lastEvent + 1 &&
    batch.epoch >= tail.epoch
  );
}

/** Stops a batch that could never be read back: a bug of its writer, or bytes that changed on the way. */
export function assertSealed(batch: Batch): void {
  assert(sameBytes(batchHash(batch), batch.hash), `batch ${batch.seq} does not match its hash, so it is not stored`);
}

/**
 * Throws AssayError `journal_broken`, naming the batch, unless the batches match their hashes and follow each other, the
 * first one following `before`. Without `before` (trimmed) the first is taken as it is.
 */
export function assertChain(batches: readonly Batch[], before: Tail | null, hash = batchHash): void {
  let tail = before;
  for (const batch of batches) {
    const flaw = (tail === null ? undefined : linkFlaw(tail, batch)) ?? hashFlaw(batch, hash);
    if (flaw !== undefined) throw assayError("journal_broken", flaw);
    tail = tailAfter(batch);
  }
}

function linkFlaw(tail: Tail, batch: Batch): string | undefined {
  if (follows(tail, batch)) return undefined;
  if (batch.seq !== tail.seq + 1)
    return `Batch ${tail.seq + 1} is missing: batch ${batch.seq} comes after ${tail.seq}.`;
  if (!sameBytes(batch.prevHash, tail.hash)) return `Batch ${batch.seq} does not carry the hash of batch ${tail.seq}.`;
  if (batch.epoch < tail.epoch) return `Batch ${batch.seq} is of epoch ${batch.epoch}, after epoch ${tail.epoch}.`;
  return `Batch ${batch.seq} starts at event ${batch.firstEvent}, after event ${tail.lastEvent}.`;
}

function hashFlaw(batch: Batch, hash: typeof batchHash): string | undefined {
  return sameBytes(hash(batch), batch.hash) ? undefined : `Batch ${batch.seq} does not match its hash.`;
}

function writeNumber(target: Buffer, at: number, value: number): number {
  assert(Number.isSafeInteger(value) && value >= 0, `a batch holds whole numbers, not ${value}`);
  target.writeUInt32BE(NUMBER_BYTES, at);
  target.writeUInt32BE(Math.floor(value / 2 ** 32), at + LENGTH_BYTES);
  target.writeUInt32BE(value % 2 ** 32, at + LENGTH_BYTES + 4);
  return at + LENGTH_BYTES + NUMBER_BYTES;
}

function writeBytes(target: Buffer, at: number, bytes: Uint8Array): number {
  target.writeUInt32BE(bytes.length, at);
  target.set(bytes, at + LENGTH_BYTES);
  return at + LENGTH_BYTES + bytes.length;
}
