import type { DuckDBAppender, DuckDBConnection } from "@duckdb/node-api";
import { errorCode, errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { storable } from "./table-writer.ts";
import type { Cell, ColumnKind } from "./table-writer.ts";

/** The one place that loads DuckDB. */
export type DuckDb = typeof import("@duckdb/node-api");
export type Connection = DuckDBConnection;

/** @throws AssayError `dependency_missing` */
export async function loadDuckDb(): Promise<DuckDb> {
  try {
    return await import("@duckdb/node-api");
  } catch (error) {
    if (errorCode(error) !== "ERR_MODULE_NOT_FOUND" && errorCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw assayError("dependency_missing", `DuckDB is not installed: ${errorMessage(error)}`, {
      cause: error,
      next: "Run `npm ci`.",
    });
  }
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

/** Appends rows to a table in the connection's transaction. */
export async function appendRows(
  at: { duckdb: DuckDb; connection: Connection; temporary?: boolean },
  table: string,
  data: { kinds: readonly ColumnKind[]; rows: readonly Cell[][] },
): Promise<void> {
  if (data.rows.length === 0) return;
  const appender = await at.connection.createAppender(table, "main", at.temporary ? "temp" : undefined);
  for (const row of data.rows) {
    for (const [index, kind] of data.kinds.entries())
      appendCell(at.duckdb, appender, { kind, cell: row[index] ?? null });
    appender.endRow();
  }
  appender.closeSync();
}

function appendCell(duckdb: DuckDb, appender: DuckDBAppender, { kind, cell }: { kind: ColumnKind; cell: Cell }): void {
  if (cell === null) return appender.appendNull();
  switch (kind) {
    case "text":
      return appender.appendVarchar(storable(String(cell)));
    case "int":
      return appender.appendInteger(Number(cell));
    case "bigint":
      return appender.appendBigInt(BigInt(cell));
    case "double":
      return appender.appendDouble(Number(cell));
    case "boolean":
      return appender.appendBoolean(cell === true);
    case "time":
      return appender.appendTimestamp(new duckdb.DuckDBTimestampValue(BigInt(Math.round(Number(cell))) * 1000n));
  }
}
