import type { BatchedBlob } from "../contracts/index.ts";

/** Where the blobs of a snapshot are sent: the coordinator, as its client speaks to it. */
export interface BlobSink {
  /** Which of them are not there; however many. */
  missingBlobs(sha256s: readonly string[]): Promise<string[]>;
  /** Many small ones. Resolves when all are kept. */
  putBlobs(blobs: Iterable<BatchedBlob> | AsyncIterable<BatchedBlob>): Promise<void>;
  /** A large one. */
  putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer> | Blob, sizeBytes: number): Promise<void>;
}

/** Where a worker gets them. */
export interface BlobSource {
  /** Calls `take` for each that is there, in any order. Rejects when they cannot be had, or one is missing. */
  fetchBlobs(sha256s: readonly string[], take: (sha256: string, bytes: Uint8Array) => Promise<void>): Promise<void>;
  /** Writes one to a new file. */
  fetchBlob(sha256: string, path: string): Promise<void>;
}

/** Up to so many bytes are held in memory; larger ones are streamed. */
export const SMALL_BLOB_BYTES = 256 * 1024;

/** What a snapshot holds at most, and a worker makes of one. */
export const MAX_WORKSPACE_FILES = 500_000;
export const MAX_WORKSPACE_BYTES = 50 * 1024 ** 3;
