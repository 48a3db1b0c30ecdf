import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { BatchedBlob } from "../contracts/index.ts";
import { SMALL_BLOB_BYTES } from "./blob-ports.ts";
import type { BlobSink } from "./blob-ports.ts";
import { digestOf, digestOfFile } from "./folder-tree.ts";
import type { Snapshot, SnapshotFile } from "./snapshot.ts";

/** What was sent. */
export interface Shipment {
  files: number;
  /** Content of files, listings of folders, and the digests that were asked about. */
  bytes: number;
}

/** A digest as JSON has it. */
const ASKED_BYTES = 67;

/** A file is not any more what it was in the snapshot. */
export class FileChanged extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`${path} was changed while it was sent`);
    this.path = path;
  }
}

/**
 * Sends what the other side lacks of a snapshot. A folder is sent after all that is in it, so one that is there is there whole, and
 * everything below it need not be asked for. Errors: those of the sink, workspace_refused; and FileChanged.
 */
export async function ship(snapshot: Snapshot, sink: BlobSink, signal?: AbortSignal): Promise<Shipment> {
  return new Shipping(snapshot, sink, signal).run();
}

class Shipping {
  private readonly snapshot: Snapshot;
  private readonly sink: BlobSink;
  private readonly signal: AbortSignal | undefined;
  private readonly sent: Shipment = { files: 0, bytes: 0 };

  constructor(snapshot: Snapshot, sink: BlobSink, signal: AbortSignal | undefined) {
    this.snapshot = snapshot;
    this.sink = sink;
    this.signal = signal;
  }

  async run(): Promise<Shipment> {
    const { folders } = this.snapshot;
    const missing = await this.missingFolders();
    const files = new Set([...missing].flatMap((sha256) => folders.get(sha256)?.files ?? []));
    await this.sendFiles(await this.missing([...files]));
    for (const level of this.byHeight(missing)) await this.sendListings(level);
    return this.sent;
  }

  /** Level by level from the root, below what is missing. */
  private async missingFolders(): Promise<Set<string>> {
    const { root, folders } = this.snapshot;
    const missing = new Set<string>();
    for (let level = [root]; level.length > 0;) {
      const here = await this.missing(level);
      for (const sha256 of here) missing.add(sha256);
      const below = new Set(here.flatMap((sha256) => folders.get(sha256)?.folders ?? []));
      level = [...below].filter((sha256) => !missing.has(sha256));
    }
    return missing;
  }

  private missing(sha256s: readonly string[]): Promise<string[]> {
    this.signal?.throwIfAborted();
    this.sent.bytes += sha256s.length * ASKED_BYTES;
    return this.sink.missingBlobs(sha256s);
  }

  private async sendFiles(sha256s: readonly string[]): Promise<void> {
    const { contents } = this.snapshot;
    const all = sha256s.flatMap((sha256): [string, SnapshotFile][] => {
      const file = contents.get(sha256);
      return file === undefined ? [] : [[sha256, file]];
    });
    const small = all.filter(([, { size }]) => size <= SMALL_BLOB_BYTES);
    if (small.length > 0) await this.sink.putBlobs(this.smallFiles(small));
    for (const [sha256, file] of all) if (file.size > SMALL_BLOB_BYTES) await this.sendLargeFile(sha256, file);
  }

  private async *smallFiles(files: readonly (readonly [string, SnapshotFile])[]): AsyncGenerator<BatchedBlob> {
    for (const [sha256, { path }] of files) {
      this.signal?.throwIfAborted();
      const bytes = await readFile(join(this.snapshot.folder, path)).catch(() => undefined);
      if (bytes === undefined || digestOf(bytes) !== sha256) throw new FileChanged(path);
      this.sent.files += 1;
      this.sent.bytes += bytes.length;
      yield { sha256, bytes };
    }
  }

  private async sendLargeFile(sha256: string, { path, size }: SnapshotFile): Promise<void> {
    const file = join(this.snapshot.folder, path);
    try {
      await this.sink.putBlob(sha256, await openAsBlob(file), size);
    } catch (error) {
      const now = await digestOfFile(file, this.signal).catch(() => undefined);
      if (now !== sha256) throw new FileChanged(path);
      if (!(error instanceof AssayError) || error.code !== "blob_too_large") throw error;
      throw assayError("workspace_refused", `${path} is too large: ${error.message}`, {
        next: "Name it under workspace.exclude in assay.yaml, and let the tests get it from elsewhere.",
        cause: error,
      });
    }
    this.sent.files += 1;
    this.sent.bytes += size;
  }

  /** Digests of folders in groups: all that is in a folder is in groups before its own. */
  private byHeight(missing: ReadonlySet<string>): string[][] {
    const heights = new Map<string, number>();
    const groups: string[][] = [];
    for (const [sha256, { folders }] of this.snapshot.folders) {
      const height = folders.reduce((highest, below) => Math.max(highest, (heights.get(below) ?? 0) + 1), 0);
      heights.set(sha256, height);
      if (missing.has(sha256)) (groups[height] ??= []).push(sha256);
    }
    return groups.filter((group) => group.length > 0);
  }

  private async sendListings(sha256s: readonly string[]): Promise<void> {
    const all = sha256s.flatMap((sha256): BatchedBlob[] => {
      const bytes = this.snapshot.folders.get(sha256)?.bytes;
      return bytes === undefined ? [] : [{ sha256, bytes }];
    });
    for (const { bytes } of all) this.sent.bytes += bytes.length;
    const isSmall = ({ bytes }: BatchedBlob): boolean => bytes.length <= SMALL_BLOB_BYTES;
    const small = all.filter(isSmall);
    if (small.length > 0) await this.sink.putBlobs(small);
    for (const { sha256, bytes } of all.filter((blob) => !isSmall(blob)))
      await this.sink.putBlob(sha256, new Uint8Array(bytes), bytes.length);
  }
}
