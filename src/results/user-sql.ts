import { errorMessage, systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { SqlResponse } from "../contracts/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import { named } from "./result-file.ts";

/** A query that takes longer is ended. */
const TIME_LIMIT_MS = 10_000;

/**
 * Runs one statement of a user, which may only read: tables of this database, no files, no settings.
 *
 * @throws AssayError `bad_query`, `results_broken`
 */
export async function userSql(
  at: { duckdb: DuckDb; connect(): Promise<Connection> },
  sql: string,
  maxRows: number,
): Promise<SqlResponse> {
  let late = false;
  // A connection of its own: another query on it would end the stream of this one, and the interruption hits only this.
  const connection = await at.connect();
  const timer = systemClock.setTimer(TIME_LIMIT_MS, () => {
    late = true;
    connection.interrupt();
  });
  try {
    await refuseSideEffects(connection, sql);
    // Also EXPLAIN ANALYZE executes what it explains.
    await connection.run("begin transaction read only");
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) throw new Error(`one statement is expected, not ${statements.count}`);
    const prepared = await statements.prepare(0);
    const { SELECT, EXPLAIN } = at.duckdb.StatementType;
    if (prepared.statementType !== SELECT && prepared.statementType !== EXPLAIN)
      throw new Error("only SELECT is allowed");
    const reader = await prepared.streamAndReadUntil(maxRows + 1);
    const rows = reader.getRowsJson();
    return { columns: reader.columnNames(), rows: rows.slice(0, maxRows), truncated: rows.length > maxRows };
  } catch (error) {
    const told = named(error, "The results");
    if (told !== error) throw told;
    const message = late ? `the query took longer than ${TIME_LIMIT_MS / 1000} s` : errorMessage(error);
    throw assayError("bad_query", `The query cannot be run: ${message}`, { cause: error });
  } finally {
    timer.cancel();
    connection.closeSync();
  }
}

/** Functions of DuckDB that a SELECT may call and that change the instance, or cannot be interrupted. */
const REFUSED = new Set(
  (
    "enable_logging disable_logging truncate_duckdb_logs write_log enable_profiling disable_profiling checkpoint force_checkpoint " +
    "enable_peg_parser disable_peg_parser query query_table json_execute_serialized_sql sleep_ms pg_sleep setseed nextval"
  ).split(" "),
);

/** Reads the names of called functions from DuckDB's own syntax tree, so that quotes and comments hide nothing. */
async function refuseSideEffects(connection: Connection, sql: string): Promise<void> {
  const select = sql.replace(/^\s*explain\s+(analyze\s+)?/i, "");
  const reader = await connection.runAndReadAll("select json_serialize_sql($1::varchar)", [select]);
  const tree = JSON.parse(textOf(reader.getRowsJson()[0]?.[0])) as { error: boolean; error_message?: string };
  if (tree.error) throw new Error(tree.error_message ?? "only SELECT is allowed");
  JSON.stringify(tree, (key, value: unknown) => {
    if (key === "function_name" && typeof value === "string" && REFUSED.has(value.toLowerCase()))
      throw new Error(`the function ${value} is not allowed`);
    return value;
  });
}

function textOf(cell: unknown): string {
  return typeof cell === "string" ? cell : "{}";
}
