import { join } from "node:path";

import { AssayError } from "../../base/index.ts";
import { Bell } from "../bell.ts";
import { followBatches } from "../follow.ts";
import type { AppendOutcome, Batch, Journal, Snapshot, StoredSnapshot, Tail } from "../journal.ts";
import { assertTrimmable } from "../snapshot-rules.ts";
import { SNAPSHOT_FOLDER } from "./schema.ts";
import { SnapshotFolder } from "./snapshot-folder.ts";
import { StoreThread } from "./store-thread.ts";

/**
 * Opens the journal in `folder` for its one leader: the only one in this process, on this machine. Throws AssayError
 * `data_dir_locked` (naming the holder), `data_dir_read_only`, `disk_full`, `schema_newer`, `journal_broken` or
 * `journal_unavailable`.
 */
export async function openSqliteJournal({ folder }: { folder: string }): Promise<Journal> {
  const thread = new StoreThread();
  try {
    await thread.call("open", folder);
  } catch (error) {
    await thread.stop();
    throw error;
  }
  return new SqliteJournal(folder, thread);
}

class SqliteJournal implements Journal {
  private readonly thread: StoreThread;
  private readonly snapshots: SnapshotFolder;
  private readonly bell = new Bell();
  private closing: Promise<void> | undefined;

  constructor(folder: string, thread: StoreThread) {
    this.thread = thread;
    this.snapshots = new SnapshotFolder(join(folder, SNAPSHOT_FOLDER));
  }

  open(): Promise<Tail> {
    return this.thread.call("tail", undefined);
  }

  firstSeq(): Promise<number> {
    return this.thread.call("firstSeq", undefined);
  }

  append(batch: Batch): Promise<AppendOutcome> {
    return this.write("append", batch);
  }

  resolve(batch: Batch): Promise<AppendOutcome> {
    return this.write("resolve", batch);
  }

  read(fromSeq: number, limit: number): Promise<Batch[]> {
    return this.thread.call("read", { fromSeq, limit });
  }

  follow(fromSeq: number, signal: AbortSignal): AsyncIterable<Batch> {
    const read = this.read.bind(this);
    return followBatches({ read, bell: this.bell, closed: () => this.closing !== undefined }, fromSeq, signal);
  }

  saveSnapshot(snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
    return this.snapshots.save(snapshot, parts);
  }

  latestSnapshot(): Promise<StoredSnapshot | null> {
    return this.snapshots.latest();
  }

  async trim(beforeSeq: number): Promise<void> {
    assertTrimmable(beforeSeq, await this.latestSnapshot());
    while (!(await this.thread.call("trimSome", beforeSeq)));
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async write(call: "append" | "resolve", batch: Batch): Promise<AppendOutcome> {
    // The bytes are copied once and moved: the caller keeps its own for `resolve`.
    const events = new Uint8Array(batch.events);
    try {
      const outcome = await this.thread.call(call, { ...batch, events }, [events.buffer]);
      if (outcome.kind === "committed") this.bell.ring();
      return outcome;
    } catch (error) {
      // The thread ended: nobody knows whether it had committed.
      if (error instanceof AssayError && error.code === "journal_unavailable")
        return { kind: "unknown", cause: error.message };
      throw error;
    }
  }

  private async shutDown(): Promise<void> {
    this.bell.ring();
    try {
      await this.thread.call("close", undefined);
    } finally {
      await this.thread.stop();
    }
  }
}
