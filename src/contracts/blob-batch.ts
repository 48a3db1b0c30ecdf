import { assayError } from "./assay-fault.ts";

/** The media type of a batch. */
export const BLOB_BATCH_TYPE = "application/vnd.assay.blobs";
/** Most bytes of a batch, all of it counted. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** Most blobs of a batch. */
export const MAX_BATCH_BLOBS = 5_000;
/** Most bytes of a blob in a batch; larger ones go alone. */
export const MAX_BATCHED_BLOB_BYTES = 1024 * 1024;

const DIGEST_BYTES = 32;
const HEADER_BYTES = DIGEST_BYTES + 4;

/** A small blob and the digest that it is said to have: who takes it in must compare. */
export interface BatchedBlob {
  sha256: string;
  bytes: Uint8Array;
}

/** The bytes that a blob takes in a batch. */
export function batchedBytes(sizeBytes: number): number {
  return HEADER_BYTES + sizeBytes;
}

/**
 * Blobs one after another, each as its digest (32 bytes), its length (4 bytes, the highest first) and its content. Batches joined are a batch
 * again. That it keeps to the limits is the caller's business.
 */
export function encodeBlobBatch(blobs: readonly BatchedBlob[]): Uint8Array<ArrayBuffer> {
  const batch = new Uint8Array(blobs.reduce((sum, { bytes }) => sum + batchedBytes(bytes.length), 0));
  const view = new DataView(batch.buffer);
  let at = 0;
  for (const { sha256, bytes } of blobs) {
    for (let index = 0; index < DIGEST_BYTES; index += 1)
      batch[at + index] = Number.parseInt(sha256.slice(2 * index, 2 * index + 2), 16);
    view.setUint32(at + DIGEST_BYTES, bytes.length);
    batch.set(bytes, at + HEADER_BYTES);
    at += batchedBytes(bytes.length);
  }
  return batch;
}

/**
 * The blobs of a batch as they come, wherever the chunks end. Each is a copy of its own.
 *
 * @throws AssayError `bad_blob_batch` for one that ends within a blob or is over its limits, `blob_too_large` for a blob that is
 */
export async function* decodeBlobBatch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BatchedBlob, void, void> {
  const limits = new BatchLimits();
  let header: { sha256: string } | null = null;
  let part = new Uint8Array(HEADER_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    let taken = 0;
    // An empty blob is whole before another byte comes.
    while (taken < chunk.length || (header !== null && part.length === 0)) {
      const piece = chunk.subarray(taken, taken + part.length - filled);
      part.set(piece, filled);
      taken += piece.length;
      filled += piece.length;
      if (filled < part.length) break;
      if (header === null) {
        header = { sha256: hex(part.subarray(0, DIGEST_BYTES)) };
        part = new Uint8Array(limits.admit(header.sha256, new DataView(part.buffer).getUint32(DIGEST_BYTES)));
      } else {
        yield { sha256: header.sha256, bytes: part };
        header = null;
        part = new Uint8Array(HEADER_BYTES);
      }
      filled = 0;
    }
  }
  if (header !== null || filled > 0) throw assayError("bad_blob_batch", "The batch ends in the middle of a blob");
}

/** What a batch has held so far. */
class BatchLimits {
  private blobs = 0;
  private bytes = 0;

  /** Gives the size back if a blob of it may be part of the batch. */
  admit(sha256: string, sizeBytes: number): number {
    this.blobs += 1;
    this.bytes += batchedBytes(sizeBytes);
    if (sizeBytes > MAX_BATCHED_BLOB_BYTES) {
      const limit = `the limit of ${MAX_BATCHED_BLOB_BYTES} bytes for one in a batch`;
      throw assayError("blob_too_large", `The blob ${sha256} has ${sizeBytes} bytes, more than ${limit}`, {
        next: "Send it alone.",
      });
    }
    if (this.blobs > MAX_BATCH_BLOBS)
      throw assayError("bad_blob_batch", `The batch holds more than the limit of ${MAX_BATCH_BLOBS} blobs`);
    if (this.bytes > MAX_BATCH_BYTES)
      throw assayError("bad_blob_batch", `The batch is larger than the limit of ${MAX_BATCH_BYTES} bytes`);
    return sizeBytes;
  }
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
