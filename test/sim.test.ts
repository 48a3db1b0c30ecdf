import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { MUTANTS } from "../sim/mutants.ts";
import { runSeed } from "../sim/run-seed.ts";

/** A short slice of `npm run sim`: the same seeds every time. */
const EVENTS = 3_000;

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 38, 71, 99, 150])(
  "no invariant is violated in the simulated cluster of seed %i",
  async (seed) => {
    const { violation, journalEvents } = await runSeed(seed, EVENTS);
    expect(violation?.message).toBeUndefined();
    expect(journalEvents).toBeGreaterThan(20);
  },
);

const runNode = promisify(execFile);

/** A slice of `npm run sim:mutants`: the simulator notices bugs. */
test.each([
  "resources given back twice",
  "one retry too many",
  "snapshot forgets payloads",
  "acknowledged before it is committed",
  "held leases ignored",
])("the planted bug is noticed: %s", async (name) => {
  const script = join(import.meta.dirname, "../sim/run-mutants.ts");
  const { stdout } = await runNode(process.execPath, [script, "--only", name, "--seeds", "30"]);
  expect(stdout).toContain("1 of 1 mutants were killed");
});

test("every planted bug has its place, once, in the code as it is", async () => {
  const placed = await Promise.all(
    MUTANTS.map(async ({ name, file, from }) => {
      const text = await readFile(join(import.meta.dirname, "..", file), "utf8");
      return { name, places: text.split(from).length - 1 };
    }),
  );
  expect(placed.filter(({ places }) => places !== 1)).toEqual([]);
});

test("the same seed gives the same history", async () => {
  const first = await runSeed(5, EVENTS);
  const second = await runSeed(5, EVENTS);
  expect(second).toEqual(first);
});
