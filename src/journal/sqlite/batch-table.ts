import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";

import { assayError } from "../../contracts/index.ts";
import { assertChain, emptyTail } from "../batch.ts";
import type { Batch, Tail } from "../journal.ts";

type Row = Record<string, SQLOutputValue>;
const TAIL_COLUMNS = "seq, epoch, hash, first_event + event_count - 1 AS last_event";

/** The batches in an open database. Every method throws what SQLite throws, besides AssayError `journal_broken`. */
export class BatchTable {
  private readonly database: DatabaseSync;
  private readonly selectTail: StatementSync;
  private readonly selectTailAt: StatementSync;
  private readonly selectFirst: StatementSync;
  private readonly selectOne: StatementSync;
  private readonly selectRange: StatementSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    this.selectTail = database.prepare(`SELECT ${TAIL_COLUMNS} FROM batch ORDER BY seq DESC LIMIT 1`);
    this.selectTailAt = database.prepare(`SELECT ${TAIL_COLUMNS} FROM batch WHERE seq = ?`);
    this.selectFirst = database.prepare("SELECT min(seq) AS seq FROM batch");
    this.selectOne = database.prepare("SELECT * FROM batch WHERE seq = ?");
    this.selectRange = database.prepare("SELECT * FROM batch WHERE seq >= ? ORDER BY seq LIMIT ?");
  }

  tail(): Tail {
    return toTail(this.selectTail.get()) ?? emptyTail();
  }

  firstSeq(): number {
    const row = this.selectFirst.get();
    return typeof row?.["seq"] === "number" ? row["seq"] : 1;
  }

  at(seq: number): Batch | null {
    const row = this.selectOne.get(seq);
    return row === undefined ? null : toBatch(row);
  }

  /** As `JournalReader.read`. */
  read(fromSeq: number, limit: number): Batch[] {
    // One view for all its statements: the writer may append or trim meanwhile.
    this.database.exec("BEGIN");
    try {
      return this.readInView(fromSeq, limit);
    } finally {
      this.database.exec("COMMIT");
    }
  }

  private readInView(fromSeq: number, limit: number): Batch[] {
    const batches = this.selectRange.all(fromSeq, limit).map(toBatch);
    if (batches.length === 0 && fromSeq > this.firstSeq()) return [];
    assertChain(batches, this.tailBefore(fromSeq));
    return batches;
  }

  /** What batch `fromSeq` must follow; null when it is the oldest one kept. */
  private tailBefore(fromSeq: number): Tail | null {
    if (fromSeq === 1 && this.firstSeq() === 1) return emptyTail();
    const before = toTail(this.selectTailAt.get(fromSeq - 1));
    if (before !== null) return before;
    const first = this.firstSeq();
    if (fromSeq < first)
      throw assayError("journal_broken", `Batch ${fromSeq} was trimmed: the journal starts at ${first}.`);
    if (fromSeq > first) throw assayError("journal_broken", `Batch ${fromSeq - 1} is missing.`);
    return null;
  }
}

function toTail(row: Row | undefined): Tail | null {
  if (row === undefined) return null;
  return {
    seq: wholeNumber(row["seq"]),
    epoch: wholeNumber(row["epoch"]),
    hash: bytes(row["hash"]),
    lastEvent: wholeNumber(row["last_event"]),
  };
}

function toBatch(row: Row): Batch {
  return {
    seq: wholeNumber(row["seq"]),
    epoch: wholeNumber(row["epoch"]),
    batchId: String(row["batch_id"]),
    prevHash: bytes(row["prev_hash"]),
    hash: bytes(row["hash"]),
    firstEvent: wholeNumber(row["first_event"]),
    eventCount: wholeNumber(row["event_count"]),
    timeMs: wholeNumber(row["time_ms"]),
    events: bytes(row["events"]),
  };
}

// A STRICT table lets no other types in; a damaged file may hold anything, which then fails the hash.
function wholeNumber(value: SQLOutputValue | undefined): number {
  return typeof value === "number" ? value : 0;
}

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}
