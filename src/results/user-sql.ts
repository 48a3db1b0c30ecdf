import { errorMessage, systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { SqlResponse } from "../contracts/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";

/** A query that takes longer is ended. */
const TIME_LIMIT_MS = 10_000;

/**
 * Runs one statement of a user, which may only read: tables of this database, no files, no settings.
 *
 * @throws AssayError `bad_query`
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
    const message = late ? `the query took longer than ${TIME_LIMIT_MS / 1000} s` : errorMessage(error);
    throw assayError("bad_query", `The query cannot be run: ${message}`, { cause: error });
  } finally {
    timer.cancel();
    connection.closeSync();
  }
}
