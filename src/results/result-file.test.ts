import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { errorCode } from "../base/index.ts";
import { openResults, openResultsReadOnly } from "./open-results.ts";
import { ResultsFolder, story } from "./results-acceptance.ts";

const folder = new ResultsFolder();

describe("a file that is damaged in its middle", () => {
  const HEADER_BYTES = 12_288;
  const BLOCK_BYTES = 262_144;
  const codeOf = (done: Promise<void>): Promise<unknown> =>
    done.then(
      () => "whole",
      (error: unknown) => errorCode(error),
    );

  async function readAll(): Promise<void> {
    const reader = await openResultsReadOnly({ path: folder.path() });
    try {
      for (const table of ["distributed_tasks", "results"]) await reader.sql(`select * from ${table}`, 100);
    } finally {
      await reader.close();
    }
  }

  test("is told as such, whether it is noticed at the start or when a part is read, and closed again", async () => {
    const one = await folder.open();
    one.apply(story().events, 1);
    await folder.close(one);
    const whole = await readFile(folder.path());
    const found = { opened: new Set<unknown>(), read: new Set<unknown>() };
    for (let at = HEADER_BYTES; at < whole.length; at += BLOCK_BYTES) {
      await writeFile(folder.path(), Buffer.from(whole).fill(0xa5, at, at + 4_096));
      found.read.add(await codeOf(readAll()));
      found.opened.add(await codeOf(openResults({ path: folder.path() }).then((other) => other.close())));
    }
    // Some blocks are not in use, or hold other tables.
    const broken = new Set(["whole", "results_broken"]);
    expect(found).toEqual({ opened: broken, read: broken });
    await writeFile(folder.path(), whole);
    expect((await folder.open()).applied().batchSeq).toBe(1);
  });

  test("is not what a user's own error says", async () => {
    const one = await folder.open();
    for (const words of ["corrupt checksum", "Failure while replaying WAL"]) {
      await expect(one.sql(`select error('${words}')`, 1)).rejects.toMatchObject({ code: "bad_query" });
    }
  });
});
