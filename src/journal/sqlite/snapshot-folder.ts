import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { errorCode } from "../../base/index.ts";
import type { Snapshot, StoredSnapshot } from "../journal.ts";
import { SNAPSHOTS_KEPT } from "../snapshot-rules.ts";
import { readSnapshotFile, writeSnapshotFile } from "./snapshot-file.ts";
import { storageError } from "./storage-error.ts";
import { syncFolder } from "./sync-folder.ts";

/** The snapshots of one journal: `<batchSeq>.snap`, the newest few. Leader and follower may both use it. */
export class SnapshotFolder {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Durable once it settles: a crash before leaves no file of that name. */
  async save(snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
    const path = join(this.folder, `${snapshot.batchSeq}.snap`);
    try {
      await mkdir(this.folder, { recursive: true });
      await writeSnapshotFile(`${path}.tmp`, snapshot, parts);
      await rename(`${path}.tmp`, path);
      syncFolder(this.folder);
      await this.prune();
    } catch (error) {
      throw storageError(`The snapshot ${path} cannot be written`, error);
    }
  }

  /** The newest one whose digest matches; a broken one is passed over. */
  async latest(): Promise<StoredSnapshot | null> {
    for (const seq of await this.saved()) {
      const snapshot = await this.load(seq);
      if (snapshot !== null) return snapshot;
    }
    return null;
  }

  private async load(seq: number): Promise<StoredSnapshot | null> {
    const path = join(this.folder, `${seq}.snap`);
    try {
      return await readSnapshotFile(path);
    } catch (error) {
      // Pruned since it was listed.
      if (errorCode(error) === "ENOENT") return null;
      throw storageError(`The snapshot ${path} cannot be read`, error);
    }
  }

  /** Newest first. */
  private async saved(): Promise<number[]> {
    const seqs = (await this.names()).map((name) => /^(\d+)\.snap$/.exec(name)?.[1]).filter((seq) => seq !== undefined);
    return seqs.map(Number).toSorted((a, b) => b - a);
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw storageError(`The folder ${this.folder} cannot be read`, error);
    }
  }

  /** Removes all but the newest, and what a crash left of older ones. */
  private async prune(): Promise<void> {
    const oldestKept = (await this.saved())[SNAPSHOTS_KEPT - 1];
    if (oldestKept === undefined) return;
    const stale = (await this.names()).filter(
      (name) => Number(/^(\d+)\.snap(?:\.tmp)?$/.exec(name)?.[1] ?? Infinity) < oldestKept,
    );
    await Promise.all(stale.map((name) => rm(join(this.folder, name), { force: true })));
  }
}
