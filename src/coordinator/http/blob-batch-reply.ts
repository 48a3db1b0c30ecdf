import { batchedBytes, encodeBlobBatch, MAX_BATCH_BYTES, MAX_BATCHED_BLOB_BYTES } from "../../contracts/index.ts";
import type { BatchedBlob } from "../../contracts/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";

/** Blobs that are read at the same time, and sent in one piece. */
const READ_AT_ONCE = 32;

/** A batch of the blobs in the order asked for, as `readBlobsRequest` says. */
export async function* blobBatchReply(blobs: BlobStore, sha256s: readonly string[]): AsyncGenerator<Uint8Array> {
  let batchBytes = 0;
  for (let at = 0; at < sha256s.length; at += READ_AT_ONCE) {
    const next = sha256s.slice(at, at + READ_AT_ONCE);
    const found: BatchedBlob[] = [];
    for (const { sha256, bytes } of await readEach(blobs, next)) {
      if (bytes === null) continue;
      batchBytes += batchedBytes(bytes.length);
      if (batchBytes <= MAX_BATCH_BYTES) found.push({ sha256, bytes });
      else break;
    }
    if (found.length > 0) yield encodeBlobBatch(found);
    if (batchBytes > MAX_BATCH_BYTES) return;
  }
}

function readEach(
  blobs: BlobStore,
  sha256s: readonly string[],
): Promise<{ sha256: string; bytes: Uint8Array | null }[]> {
  const read = async (sha256: string) => ({ sha256, bytes: await blobs.readSmall(sha256, MAX_BATCHED_BLOB_BYTES) });
  return Promise.all(sha256s.map(read));
}
