import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { all, assay, eventually, Site, workersReady } from "./support/assay-process.ts";

const examples = join(import.meta.dirname, "..", "examples");

interface Told {
  counts: Record<string, number>;
  tests: { id: string; outcome: string; worker_id: string | null; reproduce: string | null; retries?: number }[];
  exit_code: number;
}

/** Files of node:test, of which each writes its name down; `held` waits for the file `go`. */
async function project(site: Site): Promise<string> {
  const folder = site.path("project");
  await mkdir(folder);
  const runs = JSON.stringify(site.path("runs"));
  const isThere = (name: string): string => `existsSync(${JSON.stringify(site.path(name))})`;
  for (const name of ["a", "b", "c", "d", "held"]) {
    const wait = name === "held" ? `while (!${isThere("go")} && ${isThere("project")}) await setTimeout(20);` : "";
    const text = `import { test } from "node:test";
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
test("${name} says so", async () => { appendFileSync(${runs}, "${name}\\n"); ${wait} });
`;
    await writeFile(join(folder, `${name}.test.mjs`), text);
  }
  return folder;
}

test("no test is lost when a worker dies in the middle of it, and each is told once", async () => {
  await using site = await Site.open();
  const folder = await project(site);
  const link = await site.coordinator();
  const workers = [site.worker("one", link, "--slots", "1"), site.worker("two", link, "--slots", "1")];
  await workersReady(link.client, 2);
  const testing = site.start(["test", folder, "--json", ...link.flags]);

  const runningOn = await eventually("the test that waits", async () => {
    const attempts = await all(link.client.attempts({}));
    return attempts.find(({ task_id: id, status }) => id.includes("held") && status === "running")?.worker_id;
  });
  await eventually("its start", async () =>
    (await readFile(site.path("runs"), "utf8")).includes("held") ? true : undefined,
  );
  const names = new Map((await all(link.client.workers({}))).map(({ worker_id: id, name }) => [id, name]));
  await workers[names.get(runningOn) === "one" ? 0 : 1]?.stop("SIGKILL");
  await writeFile(site.path("go"), "");

  const { code, stdout, stderr } = await testing.ended;
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const told = JSON.parse(stdout) as Told;
  expect(told.tests.map(({ id, outcome }) => `${outcome} ${id}`).sort()).toEqual(
    ["a", "b", "c", "d", "held"].map((name) => `passed ${name}.test.mjs > ${name} says so`),
  );
  expect(told.tests.find(({ id }) => id.startsWith("held"))?.worker_id).not.toBe(runningOn);
  const runs = (await readFile(site.path("runs"), "utf8")).trim().split("\n");
  expect(runs.filter((name) => name === "held").length).toBe(2);
});

test("outcomes of an example are those of its framework, and the next run knows what failed", async () => {
  await using site = await Site.open();
  const run = async (...more: string[]): Promise<Told & { code: number | null }> => {
    const { code, stdout, stderr } = await assay(
      ...["test", join(examples, "node-test"), "--data-dir", site.path("data"), "--json", "--retries", "1", ...more],
    );
    if (!stdout.startsWith("{")) throw new Error(stderr);
    return { ...(JSON.parse(stdout) as Told), code };
  };
  const first = await run();
  expect([first.code, first.exit_code, first.counts]).toEqual([1, 1, { passed: 3, failed: 1, flaky: 1, skipped: 1 }]);
  const failed = first.tests.filter(({ outcome }) => outcome === "failed");
  expect(failed.map(({ reproduce }) => reproduce)).toEqual([
    `cd ${join(examples, "node-test")} && node --test --test-name-pattern '^words are told from signs, which fails$' words.test.js`,
  ]);
  const { stdout } = await assay("discover", join(examples, "node-test"), "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    suites: [{ framework: "node-test", tests: [{ file: "words.test.js" }] }],
  });
  const nothing = await assay("test", site.folder, "--data-dir", site.path("data"), "--json");
  expect([nothing.code, JSON.parse(nothing.stdout)]).toMatchObject([5, { error: { code: "no_tests_found" } }]);
});

test("what changed decides which tests run, and what no worker has is skipped where it runs", async () => {
  await using site = await Site.open();
  const folder = site.path("changes");
  const write = async (files: Readonly<Record<string, string>>) => {
    await mkdir(folder, { recursive: true });
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  };
  const needy = `import unittest
from prices import price
try:
    import torch
    MANY = torch.cuda.device_count() >= 64
except ImportError:
    MANY = False
class Prices(unittest.TestCase):
    def test_price(self): self.assertEqual(price(), 1)
    @unittest.skipUnless(MANY, "too few GPUs")
    def test_many(self): ...
`;
  const other = "import unittest\nclass Other(unittest.TestCase):\n    def test_other(self): ...\n";
  await write({ "prices.py": "def price(): return 1\n", "test_prices.py": needy, "test_other.py": other });
  const who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
  for (const given of [
    ["init", "-q"],
    ["add", "-A"],
    [...who, "commit", "-qm", "first"],
  ]) {
    execFileSync("git", given, { cwd: folder });
  }
  const link = await site.coordinator();
  site.worker("one", link, "--slots", "1");
  await workersReady(link.client, 1);
  const given = [folder, "--framework", "unittest", "--changed-since", "HEAD", "--json"];

  const nothing = await assay("test", ...given, ...link.flags);
  expect(JSON.parse(nothing.stdout)).toMatchObject({ tests: [], exit_code: 0, changes: { chosen: [] } });
  expect(nothing.code).toBe(0);

  await write({ "prices.py": "def price(): return 1  # euro\n" });
  const { stdout, stderr } = await assay("test", ...given, ...link.flags);
  const told = JSON.parse(stdout) as Told & { changes: { left_out: { id: string }[]; chosen: { chain: unknown }[] } };
  expect(told.tests.map(({ id, outcome }) => `${outcome} ${id}`).sort()).toEqual([
    "passed test_prices.Prices.test_price",
    "skipped test_prices.Prices.test_many",
  ]);
  expect(told.changes.left_out.map(({ id }) => id)).toEqual(["test_other.Other.test_other"]);
  expect(told.changes.chosen[0]?.chain).toEqual([
    { file: "test_prices.py", line: 2, how: "imports" },
    { file: "prices.py", line: null, how: "changed" },
  ]);
  expect(stderr).toContain("2 of 3 tests chosen by 1 changed file since HEAD; 1 left out");
  expect(stderr).toContain("1 test would need cuda or rocm, torch, 64 GPUs, which no worker has");

  const found = JSON.parse((await assay("discover", ...given)).stdout) as {
    suites: { needs_by_text: unknown[] }[];
  };
  expect(found.suites[0]?.needs_by_text).toContainEqual({
    scope: { file: "test_prices.py", test_id: "test_prices.Prices.test_many" },
    needs: { requirements: { software: ["torch"], hardware: ["cuda", "rocm"] }, resources: { gpu: 64 } },
    evidence: { file: "test_prices.py", line: 10, text: '@unittest.skipUnless(MANY, "too few GPUs")' },
    confidence: "certain",
    kind: "skip_condition",
  });
});
