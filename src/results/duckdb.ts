import type { DuckDBConnection } from "@duckdb/node-api";
import { AssayError, errorCode, errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";

/** The one place that loads DuckDB. */
export type DuckDb = typeof import("@duckdb/node-api") & { bindings: Bindings };
/** What the API is made of: whole columns can be written only through it. */
export type Bindings = typeof import("@duckdb/node-bindings");
export type Connection = DuckDBConnection;

/** @throws AssayError `dependency_missing` */
export async function loadDuckDb(): Promise<DuckDb> {
  try {
    const [api, bindings] = await Promise.all([import("@duckdb/node-api"), import("@duckdb/node-bindings")]);
    // A CommonJS module: all that it exports is its default, of which its types know nothing.
    return { ...api, bindings: (bindings as unknown as { default: Bindings }).default };
  } catch (error) {
    if (errorCode(error) !== "ERR_MODULE_NOT_FOUND" && errorCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw assayError("dependency_missing", `DuckDB is not installed: ${errorMessage(error)}`, {
      cause: error,
      next: "Run `npm ci`.",
    });
  }
}

/** What DuckDB says of a file that was not written to its end, as when the disk was full or the process killed. */
const BROKEN = /not a valid DuckDB database|corrupt|checksum|replaying WAL|serialization error/i;

/** Whether a file of results is there and cannot be read by anybody. */
export function isBroken(error: unknown): boolean {
  return error instanceof AssayError && error.code === "internal" && BROKEN.test(errorMessage(error.cause));
}

/** Opens a database file. @throws AssayError `data_dir_locked`, `data_dir_read_only`, `not_found`, `internal` */
export async function openDatabase(
  duckdb: DuckDb,
  path: string,
  options: Record<string, string>,
): Promise<InstanceType<DuckDb["DuckDBInstance"]>> {
  try {
    return await duckdb.DuckDBInstance.create(path, options);
  } catch (error) {
    const text = errorMessage(error);
    if (text.includes("Could not set lock"))
      throw assayError("data_dir_locked", `The results in ${path} are in use: ${text}`, { cause: error });
    if (text.includes("Permission denied"))
      throw assayError("data_dir_read_only", `The results in ${path} cannot be opened: ${text}`, { cause: error });
    if (text.includes("does not exist"))
      throw assayError("not_found", `There are no results at ${path}.`, { cause: error });
    throw assayError("internal", `The results in ${path} cannot be opened: ${text}`, { cause: error });
  }
}
