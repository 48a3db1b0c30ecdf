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
      `create table series as select row_number() over () as "#place", * from ${reader}($1::varchar)`,
      [path],
    );
    const described = (await connection.runAndReadAll("describe series")).getRowsJson();
    const columns = described
      .map(([name, type]) => ({ name: String(name), type: String(type) }))
      .filter(({ name }) => name !== "#place");
    const value = valueColumn(columns, path, column);
    const order = columns.find(({ name }) => ORDERS.includes(name.toLowerCase()) && name !== value);
    const isTime = order !== undefined && /^(TIMESTAMP|DATE)/.test(order.type);
    const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    const rows = await connection.runAndReadAll(
      `select "#place", cast(${quoted(value)} as double), ${order === undefined ? "null" : `cast(${quoted(order.name)} as varchar)`},
        ${isTime && order !== undefined ? `epoch(${quoted(order.name)})` : "null"}
      from series order by ${isTime ? "4, 1" : "1"} limit ${MAX_VALUES + 1}`,
    );
    return seriesOf(rows.getRowsJS(), path);
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

function seriesOf(rows: readonly (readonly unknown[])[], path: string): FileSeries {
  if (rows.length > MAX_VALUES) throw assayError("bad_series", `${path} has more than ${MAX_VALUES} values`);
  const values = rows.map(([place, value]) => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw assayError(
      "bad_series",
      `${path}: value ${String(place)} is ${value === null ? "missing" : String(value)}, not a finite number`,
    );
  });
  const times = rows.map((row) => row[3]);
  const [first] = times;
  return {
    labels: rows.map(([place, , label]) => (label === null ? String(place) : String(label))),
    values,
    seconds: typeof first === "number" ? times.map((time) => Number(time) - first) : null,
  };
}
