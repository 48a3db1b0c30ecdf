import type { ArtifactSource, StoredBlob } from "../executors/index.ts";

/** Where artifacts go: content-addressed, so storing the same twice is harmless. */
export interface ArtifactSink {
  /**
   * Resolves once the content is safe; rejects with an AssayError when it cannot be stored, with `refused: true` in its details when
   * another try cannot mend it. The source must not change meanwhile.
   */
  put(source: ArtifactSource & { isLog?: boolean }): Promise<StoredBlob>;
}

/** What becomes of a blob that came. */
export type BlobTaker = (sha256: string, bytes: Uint8Array) => Promise<void>;

/** Where they can be had again, from any worker. */
export interface ArtifactStore extends ArtifactSink {
  /** Writes stored content to a new file; rejects, and leaves no file, when it cannot be had or is not what its digest says. */
  get(sha256: string, path: string): Promise<void>;
  /** Gives stored content to `take`, as the execution context's `fetchBlobs` says. */
  getMany(sha256s: Iterable<string>, take: BlobTaker): Promise<void>;
}
