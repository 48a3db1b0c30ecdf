import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { seededRng } from "../src/base/index.ts";
import { assay, Site } from "./support/assay-process.ts";

/** A step of five deviations at the 41st day, in rows that are not in order. */
function rows(): { date: string; ms: number }[] {
  const rng = seededRng(4);
  return Array.from({ length: 60 }, (_, day) => ({
    date: new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
    ms: 10 + 0.5 * (rng.next() + rng.next() - 1) + (day >= 40 ? 2 : 0),
  })).reverse();
}

test("a series of one's own: from CSV and JSON, with its step, level and forecast; bad files are told with the value", async () => {
  await using site = await Site.open();
  const csv = site.path("series.csv");
  const json = site.path("series.json");
  await writeFile(csv, ["date,ms", ...rows().map(({ date, ms }) => `${date},${ms}`)].join("\n"));
  await writeFile(json, JSON.stringify(rows()));
  const [fromCsv, fromJson] = await Promise.all([csv, json].map((file) => assay("analyze", file, "--json")));
  const found = JSON.parse(fromCsv?.stdout ?? "") as Record<string, unknown>;
  expect(found).toMatchObject({
    count: 60,
    change_points: [{ index: 40, verdict: "worse", change: expect.closeTo(0.2, 1) }],
    newest_step: null,
    trend: { per: "day" },
  });
  expect(JSON.parse(fromJson?.stdout ?? "")).toEqual(found);
  expect((await assay("analyze", csv, "--better", "higher")).stdout).toMatch(/better \+\d+\.\d % at 2026-02-10/);

  await writeFile(csv, "commit,value\na,1\nb,nan\n");
  const bad = await assay("analyze", csv);
  expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("value 2 is NaN, not a finite number")]);
  await writeFile(csv, "commit,first,second\na,1,2\n");
  expect((await assay("analyze", csv)).stderr).toMatch(/no column `value`, but commit, first, second[^]*--column/);
  expect((await assay("analyze", site.path("nothing.csv"))).stderr).toContain("bad_series");
});
