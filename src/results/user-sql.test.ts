import { describe, expect, test } from "vitest";
import { openResultsReadOnly } from "./open-results.ts";
import { ResultsFolder, story } from "./results-acceptance.ts";

const folder = new ResultsFolder();

describe("users' SQL", () => {
  test.each([
    "insert into runs select * from runs",
    "copy runs to 'x.csv'",
    "attach 'x.duckdb'",
    "select * from read_csv('/etc/passwd')",
    "set enable_external_access = true",
    "select 1; select 2",
    "selec 1",
    "drop table runs",
    "explain analyze delete from runs",
    "explain analyze update projection set applied_event_seq = 999",
    "select * from enable_logging(storage = 'file', storage_path = '/tmp/assay-log')",
    "select nextval('x')",
  ])("refuses %s", async (sql) => {
    const one = await folder.open();
    await expect(one.sql(sql, 10)).rejects.toMatchObject({ code: "bad_query" });
  });

  test("caps the rows and says so", async () => {
    const one = await folder.open();
    expect(await one.sql("select range as n from range(5)", 3)).toEqual({
      columns: ["n"],
      rows: [["0"], ["1"], ["2"]],
      truncated: true,
    });
  });

  test("works on the file alone; while a coordinator has it, says who", async () => {
    const one = await folder.open();
    one.apply(story().events, 1);
    await folder.close(one);
    const reader = await openResultsReadOnly({ path: folder.path() });
    expect((await reader.sql("select count(*) from results", 1)).rows).toEqual([["6"]]);
    await reader.close();
    await expect(openResultsReadOnly({ path: folder.path("none.duckdb") })).rejects.toMatchObject({
      code: "not_found",
    });
  });
});
