import { expect, test } from "vitest";
import { ChunkWriter } from "./chunk-writer.ts";
import { loadDuckDb } from "./duckdb.ts";
import { TableRows } from "./table-rows.ts";
import type { Cell } from "./table-rows.ts";

const ROWS = 5_000;

/** Rows of every kind of column: dictionaries that fit and that do not, nulls at places and everywhere, extreme numbers. */
function rowOf(index: number): Cell[] {
  return [
    `unique ${index}`,
    index % 11 === 0 ? null : index < 2_500 ? `of ${index % 7}` : `of ${index}`,
    index % 3 === 0 ? null : "same",
    null,
    index % 5 === 0 ? null : -index,
    index === 0 ? -(2 ** 53) + 1 : 2 ** 53 - index,
    index % 2 === 0 ? null : index / 7,
    index % 4 === 0 ? null : index % 4 === 1,
    index === 0 ? -1 : 1_800_000_000_000 + index,
  ];
}

test("rows come back as they went in, over any number of chunks", async () => {
  const duckdb = await loadDuckDb();
  const instance = await duckdb.DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    "create table t (a varchar, b varchar, c varchar, d varchar, e integer, f bigint, g double, h boolean, i timestamp)",
  );
  const rows = new TableRows(["text", "text", "text", "text", "int", "bigint", "double", "boolean", "time"]);
  const given = Array.from({ length: ROWS }, (_, index) => rowOf(index));
  for (const row of given) rows.add(row);
  await new ChunkWriter(duckdb).append({ connection }, "t", rows);
  const reader = await connection.runAndReadAll("select * exclude (f, i), f::varchar, epoch_ms(i)::varchar from t");
  const expected = given.map(([a, b, c, d, e, f, g, h, i]) => [a, b, c, d, e, g, h, String(f), String(i)]);
  expect(reader.getRows()).toEqual(expected);
  connection.closeSync();
  instance.closeSync();
});

test("text that DuckDB cannot store is repaired, also when two words become one", async () => {
  const duckdb = await loadDuckDb();
  const instance = await duckdb.DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run("create table t (a varchar)");
  const rows = new TableRows(["text"]);
  for (const text of ["é", "é\0", "x\ud800", "", "\0"]) rows.add([text]);
  await new ChunkWriter(duckdb).append({ connection }, "t", rows);
  const reader = await connection.runAndReadAll("select a from t");
  expect(reader.getRows()).toEqual([["é"], ["é"], ["x\ufffd"], [""], [""]]);
  connection.closeSync();
  instance.closeSync();
});
