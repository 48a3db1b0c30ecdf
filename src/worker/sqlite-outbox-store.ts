import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import type { FinishedItem } from "../contracts/index.ts";
import type { OutboxStore } from "./outbox.ts";

/**
 * Results in an SQLite file. It survives the death of the process at any moment, and a power failure from when it is told to:
 * while the coordinator answers at once a flush of the disk per turn would buy nothing, as a result that is taken back runs again.
 */
export class SqliteOutboxStore implements OutboxStore {
  private readonly database: DatabaseSync;
  private readonly insert: StatementSync;
  private readonly erase: StatementSync;

  constructor(path: string) {
    this.database = new DatabaseSync(path);
    this.database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS results (lease_seq INTEGER PRIMARY KEY, item TEXT NOT NULL) STRICT;
    `);
    this.insert = this.database.prepare("INSERT OR REPLACE INTO results (lease_seq, item) VALUES (?, ?)");
    this.erase = this.database.prepare("DELETE FROM results WHERE lease_seq = ?");
  }

  load(): FinishedItem[] {
    const rows = this.database.prepare("SELECT item FROM results ORDER BY lease_seq").all();
    // Written by this class, from items that were checked then.
    return rows.map(({ item }) => JSON.parse(String(item)) as FinishedItem);
  }

  write({ put, remove }: { put: readonly FinishedItem[]; remove: readonly number[] }): void {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      for (const item of put) this.insert.run(item.lease_seq, JSON.stringify(item));
      for (const leaseSeq of remove) this.erase.run(leaseSeq);
      this.database.exec("COMMIT");
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  outlast(power: boolean): void {
    this.database.exec(`PRAGMA synchronous = ${power ? "FULL" : "NORMAL"}`);
    // A checkpoint flushes what was written before.
    if (power) this.database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  close(): void {
    this.database.close();
  }
}
