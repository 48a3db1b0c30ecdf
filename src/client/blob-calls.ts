import { inParallel } from "../base/index.ts";
import {
  assayError,
  batchedBytes,
  BLOB_BATCH_TYPE,
  encodeBlobBatch,
  MAX_BATCH_BLOBS,
  MAX_BATCH_BYTES,
  MAX_BATCHED_BLOB_BYTES,
  MAX_DIGESTS_ASKED,
  missingBlobsResponse,
  storeBlobsResponse,
} from "../contracts/index.ts";
import type { BatchedBlob } from "../contracts/index.ts";
import type { Content, Http } from "./http.ts";
import { persistently } from "./http.ts";

/** Where the bytes of a blob come from; a file of the system is a `Blob` too (`openAsBlob` of `node:fs`). */
export type BlobSource = Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

/** Requests under way at a time. Each holds a batch in memory. */
const PARALLEL_REQUESTS = 3;

/** The calls about blobs. */
export class BlobCalls {
  private readonly http: Http;

  constructor(http: Http) {
    this.http = http;
  }

  async missing(sha256s: Iterable<string>): Promise<string[]> {
    const asked = [...new Set(sha256s)];
    const missing: string[] = [];
    for (let at = 0; at < asked.length; at += MAX_DIGESTS_ASKED) {
      const call = { method: "POST" as const, body: { sha256: asked.slice(at, at + MAX_DIGESTS_ASKED) } };
      const answer = await persistently(() => this.http.json("/api/v1/blobs/missing", missingBlobsResponse, call));
      missing.push(...answer.missing);
    }
    return missing;
  }

  async putAll(blobs: Iterable<BatchedBlob> | AsyncIterable<BatchedBlob>): Promise<void> {
    await inParallel(batches(blobs), PARALLEL_REQUESTS, (batch) => this.putBatch(batch));
  }

  async put(sha256: string, bytes: BlobSource, sizeBytes: number): Promise<void> {
    const content: Content = { type: "application/octet-stream", sizeBytes, bytes };
    const send = (): Promise<void> => this.http.send(`/api/v1/blobs/${sha256}`, { method: "PUT", content });
    await (bytes instanceof ReadableStream ? send() : persistently(send));
  }

  private async putBatch(batch: readonly BatchedBlob[]): Promise<void> {
    const [first] = batch;
    if (first !== undefined && first.bytes.length > MAX_BATCHED_BLOB_BYTES)
      return this.put(first.sha256, new Uint8Array(first.bytes), first.bytes.length);
    const bytes = encodeBlobBatch(batch);
    const content: Content = { type: BLOB_BATCH_TYPE, sizeBytes: bytes.length, bytes };
    await persistently(async () => {
      const { stored } = await this.http.json("/api/v1/blobs", storeBlobsResponse, { method: "POST", content });
      if (stored === batch.length) return;
      throw assayError("coordinator_unreachable", `Of ${batch.length} blobs only ${stored} reached the coordinator`);
    });
  }
}

/** Blobs in batches that keep to the limits; one that is too large for a batch is alone in its own. */
async function* batches(
  blobs: Iterable<BatchedBlob> | AsyncIterable<BatchedBlob>,
): AsyncGenerator<readonly BatchedBlob[]> {
  let batch: BatchedBlob[] = [];
  let batchBytes = 0;
  for await (const blob of blobs) {
    const bytes = batchedBytes(blob.bytes.length);
    if (blob.bytes.length > MAX_BATCHED_BLOB_BYTES) {
      yield [blob];
      continue;
    }
    if (batch.length === MAX_BATCH_BLOBS || batchBytes + bytes > MAX_BATCH_BYTES) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(blob);
    batchBytes += bytes;
  }
  if (batch.length > 0) yield batch;
}
