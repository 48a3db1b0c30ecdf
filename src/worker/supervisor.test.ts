import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../base/index.ts";
import type { SupervisedBy } from "./supervision.ts";
import { superviseWorker } from "./supervisor.ts";
import { MemoryLogger } from "./worker-acceptance.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-supervisor-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Supervises processes that do as `program` says: it gets what it was told, its folder, and a function that says it is healthy. */
async function supervised(program: string): Promise<{ code: number; told: SupervisedBy[]; logger: MemoryLogger }> {
  const logger = new MemoryLogger();
  const entry = join(folder, "program.mjs");
  const prelude = `import { appendFileSync, writeFileSync } from "node:fs";
    const [told, folder] = [JSON.parse(process.argv[2]), process.argv[3]];
    appendFileSync(folder + "/told", JSON.stringify(told) + "\\n");
    const healthy = () => new Promise((resolve) => process.send({ type: "healthy" }, resolve));
    const next = (version) => writeFileSync(folder + "/next.json", JSON.stringify({ version, entry: process.argv[1] }));
  `;
  await writeFile(entry, prelude + program);
  const code = await superviseWorker({
    folder,
    base: { version: "1", entry },
    start: (script, told) =>
      spawn(process.execPath, [script, JSON.stringify(told), folder], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      }),
    exitCodes: { restart: 75, usage: 2 },
    healthyWithinMs: 60_000,
    // Waits of a second and more cut short.
    clock: { ...systemClock, setTimer: (ms, action) => systemClock.setTimer(ms < 60_000 ? ms / 20 : ms, action) },
    logger,
    signal: new AbortController().signal,
  });
  const lines = (await readFile(join(folder, "told"), "utf8")).trim().split("\n");
  return { code, told: lines.map((line) => JSON.parse(line) as SupervisedBy), logger };
}

test("a process that ends well ends the supervision, and so does one that was started wrongly", async () => {
  expect(await supervised("process.exit(0)")).toMatchObject({ code: 0 });
  expect(await supervised("process.exit(2)")).toMatchObject({ code: 2 });
});

test("a process that crashes is started anew, and told how often", async () => {
  const { code, told } = await supervised(`process.exit(told.note?.includes("3 times") ? 0 : 9)`);
  expect(code).toBe(0);
  expect(told.map(({ note }) => note)).toEqual([
    null,
    "started anew: it ended with exit code 9",
    "started anew: it ended with exit code 9, 2 times in a row",
    "started anew: it ended with exit code 9, 3 times in a row",
  ]);
});

test.each([
  ["ends well without having been connected", "process.exit(0)", "it ended with exit code 0"],
  ["crashes", "process.exit(1)", "it ended with exit code 1"],
])("a new version that %s is taken back", async (_what, fails, how) => {
  const { told } = await supervised(`
    if (told.version === "2") { ${fails} }
    if (told.refused) process.exit(0);
    next("2");
    process.exit(75);
  `);
  const refused = { version: "2", reason: `version 2 was given up: ${how}` };
  expect(told).toEqual([
    { version: "1", note: null, refused: null },
    { version: "2", note: "updated to 2", refused: null },
    { version: "1", note: `${refused.reason}; back at 1`, refused },
  ]);
});

test("a version that was connected is the one that is started from then on", async () => {
  const { told } = await supervised(`
    if (told.version === "1") { next("2"); process.exit(75); }
    await healthy();
    process.exit(told.note === "restarted as asked" ? 0 : 75);
  `);
  expect(told.map(({ version, note }) => [version, note])).toEqual([
    ["1", null],
    ["2", "updated to 2"],
    ["2", "restarted as asked"],
  ]);
  expect(JSON.parse(await readFile(join(folder, "state.json"), "utf8"))).toMatchObject({ good: { version: "2" } });
});

test.each([
  ["works", `await healthy(); process.exit(75);`, ["1", "2", "2"]],
  ["is given up", `process.exit(1);`, ["1", "2", "1"]],
])("a new version that %s while nothing can be saved does not end the worker", async (_what, does, versions) => {
  await mkdir(join(folder, "state.json.new"));
  const { code, told, logger } = await supervised(`
    if (told.note === null) { next("2"); process.exit(75); }
    if (told.note === "updated to 2") { ${does} }
    process.exit(0);
  `);
  expect(code).toBe(0);
  expect(told.map(({ version }) => version)).toEqual(versions);
  expect(logger.lines).toContain("what is known of the versions could not be saved");
});
