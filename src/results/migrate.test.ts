import { describe, expect, test } from "vitest";
import { loadDuckDb } from "./duckdb.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { ResultsFolder } from "./results-acceptance.ts";

const folder = new ResultsFolder();

describe("migrations", () => {
  test("are applied once; a newer or edited schema is refused", async () => {
    await folder.close(await folder.open());
    await folder.close(await folder.open());
    const duckdb = await loadDuckDb();
    const instance = await duckdb.DuckDBInstance.create(folder.path());
    const connection = await instance.connect();
    const known = await readMigrations();
    const edited = known.map((one) => ({ ...one, sql: `${one.sql}\n-- edited` }));
    await expect(migrate(connection, edited)).rejects.toMatchObject({ code: "conflict" });
    await connection.run("insert into schema_migrations values (999999, 'x', now()::timestamp)");
    await expect(migrate(connection, known)).rejects.toMatchObject({ code: "schema_newer" });
    connection.closeSync();
    instance.closeSync();
  });

  test("a migration that fails leaves nothing behind", async () => {
    const duckdb = await loadDuckDb();
    const instance = await duckdb.DuckDBInstance.create(folder.path());
    const connection = await instance.connect();
    await expect(
      migrate(connection, [{ version: 1, sql: "create table one (a integer); nonsense" }]),
    ).rejects.toThrow();
    const reader = await connection.runAndReadAll("select table_name from information_schema.tables order by 1");
    expect(reader.getRowsJson()).toEqual([["schema_migrations"]]);
    connection.closeSync();
    instance.closeSync();
  });
});
