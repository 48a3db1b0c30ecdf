import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type Clock, systemClock } from "../../base/index.ts";
import { Bell } from "../bell.ts";
import { followBatches } from "../follow.ts";
import type { Batch, JournalReader, Snapshot, StoredSnapshot, Tail } from "../journal.ts";
import { BatchTable } from "./batch-table.ts";
import { checkForReading, DATABASE_FILE, SNAPSHOT_FOLDER } from "./schema.ts";
import { SnapshotFolder } from "./snapshot-folder.ts";
import { storageError } from "./storage-error.ts";

const POLL_MS = 1_000;

export interface SqliteFollowerOptions {
  folder: string;
  /** For polling. */
  clock?: Clock;
}

/** A reader in another thread or process than the leader's. It reads on its own thread, synchronously. */
export interface SqliteFollower extends JournalReader {
  /** Says that batch `seq` is committed: `follow` wakes at once instead of at its next poll. */
  hint(seq: number): void;
}

/**
 * Opens the journal in `folder` for reading, beside its leader or without one. Throws AssayError `journal_unavailable` when
 * there is no journal yet, `schema_newer` or `journal_broken`.
 */
export async function openSqliteFollower(options: SqliteFollowerOptions): Promise<SqliteFollower> {
  const { folder, clock = systemClock } = options;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, DATABASE_FILE), { readOnly: true, timeout: 5_000 });
    checkForReading(database, folder);
    return new Follower({
      database,
      table: new BatchTable(database),
      snapshots: new SnapshotFolder(join(folder, SNAPSHOT_FOLDER)),
      clock,
    });
  } catch (error) {
    database?.close();
    throw storageError(`The journal in ${folder} cannot be opened for reading`, error);
  }
}

interface FollowerParts {
  database: DatabaseSync;
  table: BatchTable;
  snapshots: SnapshotFolder;
  clock: Clock;
}

class Follower implements SqliteFollower {
  private readonly parts: FollowerParts;
  private readonly bell = new Bell();
  private hinted = 0;
  private isClosed = false;

  constructor(parts: FollowerParts) {
    this.parts = parts;
  }

  hint(seq: number): void {
    if (seq <= this.hinted) return;
    this.hinted = seq;
    this.bell.ring();
  }

  async open(): Promise<Tail> {
    return this.guard("The journal's tail cannot be read", (table) => table.tail());
  }

  async firstSeq(): Promise<number> {
    return this.guard("The journal's start cannot be read", (table) => table.firstSeq());
  }

  async read(fromSeq: number, limit: number): Promise<Batch[]> {
    return this.guard(`Batch ${fromSeq} or one of the next ${limit} cannot be read`, (table) =>
      table.read(fromSeq, limit),
    );
  }

  follow(fromSeq: number, signal: AbortSignal): AsyncIterable<Batch> {
    const poll = { clock: this.parts.clock, everyMs: POLL_MS };
    return followBatches(
      { read: this.read.bind(this), bell: this.bell, closed: () => this.isClosed, poll },
      fromSeq,
      signal,
    );
  }

  saveSnapshot(snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
    return this.parts.snapshots.save(snapshot, parts);
  }

  latestSnapshot(): Promise<StoredSnapshot | null> {
    return this.parts.snapshots.latest();
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.bell.ring();
    this.parts.database.close();
  }

  private guard<T>(failure: string, work: (table: BatchTable) => T): T {
    try {
      return work(this.parts.table);
    } catch (error) {
      throw storageError(failure, error);
    }
  }
}
