import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { loadDuckDb } from "./duckdb.ts";

/** A series of a file, in the order of its times, or of the file where it has none. */
export interface FileSeries {
  /** What each value belongs to: a time, a commit, or its place from 1. */
  labels: string[];
  values: number[];
  /** Seconds since the first one, where the file has times. */
  seconds: number[] | null;
}

/** Headers of the column that orders a series. */
const ORDERS = ["time", "timestamp", "date", "commit", "revision"];
const MAX_VALUES = 1_000_000;
/** Keeps the order of the file. */
const PLACE = "#place";

/**
 * Reads a series from CSV or JSON (an array of objects, or an object on each line), as DuckDB understands it. The column of values is called `value`, or is the only one of numbers.
 *
 * @throws AssayError `bad_series`, `dependency_missing`
 */
export async function readSeries(path: string, column?: string): Promise<FileSeries> {
  const duckdb = await loadDuckDb();
  const instance = await duckdb.DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const reader = /\.(json|jsonl|ndjson)$/i.test(path) ? "read_json_auto" : "read_csv_auto";
    await connection.run(
      `create table series as select row_number() over () as "${PLACE}", * from ${reader}($1::varchar)`,
      [path],
    );
    const reading = await connection.runAndReadAll("select column_name, column_type from (describe series)");
    const described = (reading.getRowsJS() as [string, string][]).map(([name, type]) => ({ name, type }));
    const columns = described.filter(({ name }) => name !== PLACE);
    const value = valueColumn(columns, path, column);
    const order = columns.find(({ name }) => ORDERS.includes(name.toLowerCase()) && name !== value);
    const isTime = order !== undefined && /^(TIMESTAMP|DATE)/.test(order.type);
    const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    const rows = await connection.runAndReadAll(
      `select "${PLACE}"::integer, cast(${quoted(value)} as double), ${order === undefined ? "null" : `cast(${quoted(order.name)} as varchar)`},
        ${isTime && order !== undefined ? `epoch(${quoted(order.name)})` : "null"}
      from series order by ${isTime ? "4, 1" : "1"} limit ${MAX_VALUES + 1}`,
    );
    return seriesOf(rows.getRowsJS() as unknown as Row[], path);
  } catch (error) {
    if (error instanceof Error && "code" in error) throw error;
    throw assayError("bad_series", `${path} cannot be read as a series: ${errorMessage(error)}`, { cause: error });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function valueColumn(columns: readonly { name: string; type: string }[], path: string, wanted?: string): string {
  const named = columns.find(({ name }) => name === (wanted ?? "value"));
  if (named !== undefined) return named.name;
  const numbers = columns.filter(({ type }) => /INT|DOUBLE|FLOAT|DECIMAL/.test(type));
  if (wanted === undefined && numbers.length === 1) return numbers[0]?.name ?? "";
  const there = columns.map(({ name }) => name).join(", ");
  throw assayError(
    "bad_series",
    `${path} has ${wanted === undefined ? "no column `value`" : `no column ${wanted}`}, but ${there}`,
    {
      next: "Name the column of values with --column.",
    },
  );
}

/** Place from 1, value, label, seconds. */
type Row = readonly [place: number, value: number | null, label: string | null, seconds: number | null];

function seriesOf(rows: readonly Row[], path: string): FileSeries {
  if (rows.length > MAX_VALUES) throw assayError("bad_series", `${path} has more than ${MAX_VALUES} values`);
  const values = rows.map(([place, value]) => {
    if (value !== null && Number.isFinite(value)) return value;
    throw assayError("bad_series", `${path}: value ${place} is ${value ?? "missing"}, not a finite number`);
  });
  const first = rows[0]?.[3] ?? null;
  return {
    labels: rows.map(([place, , label]) => label ?? String(place)),
    values,
    seconds: first === null ? null : rows.map((row) => (row[3] ?? first) - first),
  };
}
