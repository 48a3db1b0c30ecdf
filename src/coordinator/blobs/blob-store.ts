import type { BatchedBlob } from "../../contracts/index.ts";

/** Bytes `first` to `last` of a blob, both included, counted from 0. */
export interface ByteRange {
  first: number;
  last: number;
}

export interface StoredBlob {
  sha256: string;
  sizeBytes: number;
}

/** A blob open for reading. Read `content` to its end or destroy it: it holds a file. */
export interface OpenBlob {
  /** Of the whole blob, also when a range was asked for. */
  sizeBytes: number;
  content: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

/** Bulk data (logs, artifacts) by its SHA-256: immutable, and stored once however often it is put. */
export interface BlobStore {
  /**
   * Stores what the content gives, and settles when it would survive a power failure. A blob that is there already is not read again.
   *
   * @throws AssayError `blob_mismatch`, `blob_too_large`, `disk_full`, `data_dir_read_only`; nothing is kept then
   */
  put(expectedSha256: string, content: AsyncIterable<Uint8Array>, limits: { maxBytes: number }): Promise<StoredBlob>;
  /**
   * Stores many small blobs, gives their number, and settles when all would survive a power failure. Those that are there already count as
   * stored, whatever came under their names.
   *
   * @throws AssayError as `put` does, the first that is met; of the other blobs some may be kept then
   */
  putAll(blobs: AsyncIterable<BatchedBlob> | Iterable<BatchedBlob>): Promise<number>;
  /** `null` when there is no such blob. */
  openRead(sha256: string, range?: ByteRange): Promise<OpenBlob | null>;
  /** All of a small blob; `null` when there is no such blob, or it is larger. */
  readSmall(sha256: string, maxBytes: number): Promise<Uint8Array | null>;
  has(sha256: string): Promise<boolean>;
  /** `null` when there is no such blob. */
  sizeOf(sha256: string): Promise<number | null>;
}
