import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openWholeResults } from "./whole-results.ts";

test("results that were not written to their end are set aside, and begin anew where the journal holds everything", async () => {
  const folder = await mkdtemp(join(tmpdir(), "assay-results-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "results.duckdb");
  await writeFile(path, "half");
  const troubles: unknown[] = [];
  const journal = { firstSeq: async () => 1 };
  const results = await openWholeResults(path, { journal, onBroken: (error) => troubles.push(error) });
  expect(results.applied()).toEqual({ eventSeq: 0, batchSeq: 0 });
  await results.close();
  expect(await readFile(`${path}.broken`, "utf8")).toBe("half");
  expect(troubles).toHaveLength(1);
});

test("they are kept where older rows are nowhere else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "assay-results-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "results.duckdb");
  await writeFile(path, "half");
  const journal = { firstSeq: async () => 7 };
  await expect(openWholeResults(path, { journal, onBroken: () => undefined })).rejects.toMatchObject({
    code: "results_broken",
  });
  expect(await readFile(path, "utf8")).toBe("half");
});
