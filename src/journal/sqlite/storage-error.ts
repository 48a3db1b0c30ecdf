import { AssayError, errorCode, errorMessage } from "../../base/index.ts";
import { assayError, type ErrorCode } from "../../contracts/index.ts";

/** SQLite's primary result codes, https://sqlite.org/rescode.html, that mean more than "failed". */
const SQLITE_CODES: Readonly<Record<number, ErrorCode>> = {
  3: "data_dir_read_only", // SQLITE_PERM
  8: "data_dir_read_only", // SQLITE_READONLY
  11: "journal_broken", // SQLITE_CORRUPT
  13: "disk_full", // SQLITE_FULL
  26: "journal_broken", // SQLITE_NOTADB
};
const PRIMARY_CODE_MASK = 0xff;
const SQLITE_BUSY = 5;

const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "data_dir_read_only",
  EPERM: "data_dir_read_only",
  EROFS: "data_dir_read_only",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
};

/** What SQLite or the file system threw, as an error of the catalogue. `doing` says what failed, naming the file or batch. */
export function storageError(doing: string, error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  const sqlite = sqliteCode(error);
  const known = sqlite === undefined ? SYSTEM_CODES[errorCode(error) ?? ""] : SQLITE_CODES[sqlite];
  return assayError(known ?? "journal_unavailable", `${doing}: ${errorMessage(error)}`, { cause: error });
}

/** True when another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY;
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & PRIMARY_CODE_MASK;
}
