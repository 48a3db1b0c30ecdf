import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

import { assertChain, assertSealed, follows, isSameBatch } from "../batch.ts";
import type { AppendOutcome, Batch, Tail } from "../journal.ts";
import { BatchTable } from "./batch-table.ts";
import { FolderLock } from "./folder-lock.ts";
import { DATABASE_FILE, prepareForWriting } from "./schema.ts";
import { storageError } from "./storage-error.ts";
import type { StoreCalls } from "./store-calls.ts";
import { syncFolder } from "./sync-folder.ts";

/** Readers take locks for a moment when they open; nothing else competes. */
const BUSY_TIMEOUT_MS = 5_000;

/** Between two of these another commit may pass, so trimming does not hold up the leader. */
const TRIM_BATCHES = 50;

/** Where an append stands: a crash at each of them must leave the journal as it was before or after, whole. */
export type WritePoint = "before_write" | "before_commit" | "after_commit";

/** The journal's files, locked and open for writing. Synchronous: it lives in the journal's own thread. */
export class SqliteStore implements Omit<StoreCalls, "open"> {
  private readonly lock: FolderLock;
  private readonly database: DatabaseSync;
  private readonly table: BatchTable;
  private readonly insert: StatementSync;
  private readonly deleteSome: StatementSync;
  private readonly onPoint: ((point: WritePoint) => void) | undefined;

  /**
   * Makes the folder if needed. `onPoint` is for crash tests. Throws AssayError `data_dir_locked`, `data_dir_read_only`,
   * `disk_full`, `schema_newer`, `journal_broken` (also when the last batch does not match its hash) or `journal_unavailable`.
   */
  constructor(folder: string, onPoint?: (point: WritePoint) => void) {
    this.onPoint = onPoint;
    try {
      makeWritable(folder);
      this.lock = new FolderLock(folder);
    } catch (error) {
      throw storageError(`The folder ${folder} cannot be used`, error);
    }
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(join(folder, DATABASE_FILE), { timeout: BUSY_TIMEOUT_MS });
      prepareForWriting(database, folder);
      this.database = database;
      this.table = new BatchTable(database);
      this.insert = database.prepare("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
      this.deleteSome = database.prepare(
        `DELETE FROM batch WHERE seq IN (SELECT seq FROM batch WHERE seq < ? ORDER BY seq LIMIT ${TRIM_BATCHES})`,
      );
      this.checkTail();
    } catch (error) {
      database?.close();
      this.lock.release();
      throw storageError(`The journal in ${folder} cannot be opened`, error);
    }
  }

  tail(): Tail {
    return this.guard("The journal's tail cannot be read", () => this.table.tail());
  }

  firstSeq(): number {
    return this.guard("The journal's start cannot be read", () => this.table.firstSeq());
  }

  read({ fromSeq, limit }: { fromSeq: number; limit: number }): Batch[] {
    return this.guard(`Batch ${fromSeq} or one of the next ${limit} cannot be read`, () =>
      this.table.read(fromSeq, limit),
    );
  }

  append(batch: Batch): AppendOutcome {
    assertSealed(batch);
    return this.write(batch, () => this.compareAndInsert(batch));
  }

  resolve(batch: Batch): AppendOutcome {
    assertSealed(batch);
    return this.write(batch, () => {
      const stored = this.table.at(batch.seq);
      if (stored === null) return this.compareAndInsert(batch);
      return isSameBatch(stored, batch) ? { kind: "committed" } : { kind: "fenced", by: stored };
    });
  }

  trimSome(beforeSeq: number): boolean {
    return this.guard(`The journal before batch ${beforeSeq} cannot be trimmed`, () => {
      const end = Math.min(beforeSeq, this.table.tail().seq);
      return Number(this.deleteSome.run(end).changes) < TRIM_BATCHES;
    });
  }

  close(): void {
    this.database.close();
    this.lock.release();
  }

  /**
   * Runs one append in a transaction. An error that leaves open whether SQLite's commit reached the disk is an answer
   * (`unknown`), not a failure: a failed fsync says nothing about what the next start will find.
   */
  private write(batch: Batch, work: () => AppendOutcome): AppendOutcome {
    try {
      this.onPoint?.("before_write");
      this.database.exec("BEGIN IMMEDIATE");
      const outcome = work();
      this.onPoint?.("before_commit");
      this.database.exec("COMMIT");
      this.onPoint?.("after_commit");
      return outcome;
    } catch (error) {
      const fault = storageError(`Batch ${batch.seq} cannot be written`, error);
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      if (fault.code !== "journal_unavailable") throw fault;
      return { kind: "unknown", cause: fault.message };
    }
  }

  /** The tail is read in the transaction: right even if the lock were lost. */
  private compareAndInsert(batch: Batch): AppendOutcome {
    if (!follows(this.table.tail(), batch)) return { kind: "fenced", by: this.table.at(batch.seq) };
    const { seq, epoch, batchId, prevHash, hash, firstEvent, eventCount, timeMs, events } = batch;
    this.insert.run(seq, epoch, batchId, prevHash, hash, firstEvent, eventCount, timeMs, events);
    return { kind: "committed" };
  }

  private checkTail(): void {
    const last = this.table.at(this.table.tail().seq);
    if (last !== null) assertChain([last], null);
  }

  private guard<T>(failure: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storageError(failure, error);
    }
  }
}

function makeWritable(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) syncFolder(dirname(made));
  accessSync(folder, constants.W_OK);
}
