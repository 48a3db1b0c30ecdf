import { AssayError, errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { DuckDb } from "./duckdb.ts";

type Database = InstanceType<DuckDb["DuckDBInstance"]>;

/** What DuckDB says of a file that was not written to its end, as when the disk was full or the process killed. */
const DAMAGE = /^Serialization Error|^(IO|INTERNAL|FATAL) Error: .*(not a valid DuckDB database|corrupt|checksum)/is;
/** The log is read only when a file is opened, and fails with errors of many kinds. Elsewhere these may be a user's words. */
const DAMAGED_LOG = /^[\w ]+ Error: Failure while replaying WAL/;

/**
 * Opens a file of results and begins with it; when that fails, it is closed again.
 *
 * @throws AssayError `data_dir_locked`, `data_dir_read_only`, `not_found`, `results_broken`, `internal`
 */
export async function openResultFile<Opened>(
  { duckdb, path, options }: { duckdb: DuckDb; path: string; options: Record<string, string> },
  begin: (database: Database) => Promise<Opened>,
): Promise<Opened> {
  const file = `The results in ${path}`;
  const database = await duckdb.DuckDBInstance.create(path, options).catch((error: unknown) => {
    throw openingError(error, file);
  });
  try {
    return await begin(database);
  } catch (error) {
    database.closeSync();
    throw named(error, file);
  }
}

/** For `catch`: damage shows only when the part of the file is read. @throws AssayError `results_broken`, or the error itself */
export function rethrow(error: unknown): never {
  throw named(error, "The results");
}

/** The error, in Assay's words when it tells of damage. */
export function named(error: unknown, file: string): unknown {
  return error instanceof AssayError || !DAMAGE.test(errorMessage(error)) ? error : damaged(error, file);
}

function damaged(error: unknown, file: string): AssayError {
  return assayError("results_broken", `${file} are damaged: ${errorMessage(error)}`, { cause: error });
}

function openingError(error: unknown, file: string): unknown {
  const text = errorMessage(error);
  if (text.includes("Could not set lock"))
    return assayError("data_dir_locked", `${file} are in use: ${text}`, { cause: error });
  if (text.includes("Permission denied"))
    return assayError("data_dir_read_only", `${file} cannot be opened: ${text}`, { cause: error });
  if (text.includes("does not exist")) return assayError("not_found", `${file} do not exist.`, { cause: error });
  const told = DAMAGED_LOG.test(text) ? damaged(error, file) : named(error, file);
  return told === error ? assayError("internal", `${file} cannot be opened: ${text}`, { cause: error }) : told;
}
