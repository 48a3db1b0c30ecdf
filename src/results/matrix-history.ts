import { isoTime } from "../base/index.ts";
import type { JsonValue } from "../base/index.ts";
import { matrixRecord } from "../contracts/index.ts";
import type { MatrixRecord, SqlResponse } from "../contracts/index.ts";

/**
 * The query for what each cell of the matrix came to: the newest measurement and the one before it, and with `runId` all of that run. It
 * can be put to a coordinator as well as to a file.
 */
export function matrixHistoryQuery({ runId }: { runId?: string } = {}): string {
  // Text in SQL doubles its quotes.
  const ofRun = runId === undefined ? "" : ` or run_id = '${runId.replaceAll("'", "''")}'`;
  return `select * replace (epoch_ms(end_time) as end_time) from matrix_history where age <= 2${ofRun} order by model, precision, backend, age`;
}

const jsonColumns = new Set(["batches", "unmeasured", "provenance", "failure", "recovery"]);

/** The answer to it. */
export function matrixRecords({ columns, rows }: SqlResponse): MatrixRecord[] {
  return rows.map((row) =>
    matrixRecord.parse(Object.fromEntries(columns.map((name, index) => [name, valueOf(name, row[index] ?? null)]))),
  );
}

function valueOf(column: string, value: JsonValue): unknown {
  if (column === "age") return Number(value);
  if (column === "end_time") return isoTime(Number(value));
  return jsonColumns.has(column) && typeof value === "string" ? JSON.parse(value) : value;
}
