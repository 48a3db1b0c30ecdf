import type { DatabaseSync } from "node:sqlite";

import { assayError } from "../../contracts/index.ts";

/** Beside SQLite's own `-wal` and `-shm` files. */
export const DATABASE_FILE = "journal.sqlite";
export const SNAPSHOT_FOLDER = "snapshots";

/** The version that this code reads and writes, in `PRAGMA user_version`. */
const SCHEMA_VERSION = 1;

/** `events` comes last, so that the other columns are read without walking its pages. */
const SCHEMA = `
  CREATE TABLE batch (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    batch_id TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    first_event INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    events BLOB NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Sets up a database for writing, durable at every commit. Throws AssayError `schema_newer`. */
export function prepareForWriting(database: DatabaseSync, folder: string): void {
  // The page size counts only before the first table: larger than a small batch, smaller than a large one.
  database.exec("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  if (knownVersion(database, folder) === 0) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
}

/** Throws AssayError `schema_newer`, or `journal_unavailable` when nothing was ever written. */
export function checkForReading(database: DatabaseSync, folder: string): void {
  if (knownVersion(database, folder) === 0) throw assayError("journal_unavailable", `${folder} holds no journal yet.`);
}

function knownVersion(database: DatabaseSync, folder: string): number {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version <= SCHEMA_VERSION) return version;
  const message = `The journal in ${folder} has schema version ${version}; this Assay knows versions up to ${SCHEMA_VERSION}.`;
  throw assayError("schema_newer", message);
}
