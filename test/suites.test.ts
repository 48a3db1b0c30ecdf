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
