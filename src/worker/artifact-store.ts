import type { ArtifactSource } from "../executors/index.ts";

export interface StoredArtifact {
  sha256: string;
  sizeBytes: number;
}

/** Where artifacts go: content-addressed, so storing the same twice is harmless. */
export interface ArtifactStore {
  /** Resolves once the content is safe; rejects with an AssayError when it cannot be stored. The source must not change meanwhile. */
  put(source: ArtifactSource & { contentType?: string }): Promise<StoredArtifact>;
}
