import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import type { FinishedItem } from "../contracts/index.ts";
import type { OutboxStore } from "./outbox.ts";

/**
 * Results in an SQLite file. It survives the death of the process at any moment. A power failure may take the last results
 * back; their attempts are then lost and their tasks run again, which costs less than a disk flush per turn.
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

  close(): void {
    this.database.close();
  }
}
