import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runTests, nodeProject, userEnvironment } from "../framework-acceptance.ts";
import { nodeTest } from "./node-test-framework.ts";

const outcomes = `
import assert from "node:assert";
import { before, describe, test } from "node:test";
test("passes", () => {});
test("fails", () => { console.log("said before"); assert.equal(1, 2); });
test("skipped", { skip: "not now" }, () => {});
test("later", { todo: true }, () => { throw new Error("known"); });
test("same", () => {});
test("same", () => { throw new Error("second"); });
test("two\\nlines 🐞 a > b (c)", () => {});
test("slow", { timeout: 1 }, () => new Promise((resolve) => setTimeout(resolve, 30_000).unref()));
describe("group", () => {
  test("fails", () => { throw new Error("grouped"); });
  test("has parts", async (t) => {
    await t.test("one", () => {});
    await t.test("two", () => { throw new Error("part"); });
  });
});
describe("hooked", () => { before(() => { throw new Error("before"); }); test("never", () => {}); });
`;

test("what it tells of tests is what node --test itself says in its JUnit report", async () => {
  await using project = await nodeProject({
    "all.test.mjs": outcomes,
    "test/broken.mjs": 'import "./nothing.mjs";',
    "test/dies.mjs":
      'import { test } from "node:test"; test("dies", async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); });',
    "node_modules_not/other.mjs": "",
  });
  const { tests } = await nodeTest.discover(project.place());
  expect(tests.map(({ id }) => id)).toEqual(["all.test.mjs", "test/broken.mjs", "test/dies.mjs"]);
  const session = await nodeTest.open(project.options());
  const { end, results } = await runTests(
    session,
    tests.map(({ id }) => id),
  );
  expect(end).toBeNull();
  const ours = [...results.values()]
    .filter(({ file }) => file === "all.test.mjs")
    .map(({ id, outcome }) => `${id.split(" > ").at(-1)?.replace(" #2", "")} ${inJunit(outcome)}`);
  expect(ours.toSorted()).toEqual((await ownOutcomes(project.folder)).toSorted());
  expect(results.get("all.test.mjs > fails")).toMatchObject({
    outcome: "failed",
    output: "said before\n",
    message: expect.stringContaining("1 == 2"),
  });
  expect(results.get("all.test.mjs > skipped")).toMatchObject({ outcome: "skipped", message: "not now" });
  expect(results.get("all.test.mjs > later")).toMatchObject({ outcome: "xfailed" });
  expect(results.get("all.test.mjs > slow")).toMatchObject({ outcome: "timed_out" });
  expect(results.get("all.test.mjs > hooked > never")).toMatchObject({ outcome: "error" });
  expect(results.get("test/broken.mjs")).toMatchObject({
    outcome: "error",
    message: expect.stringContaining("nothing.mjs"),
  });
  expect(results.get("test/dies.mjs")).toMatchObject({
    outcome: "crashed",
    message: expect.stringContaining("SIGKILL"),
  });
  // The same process, some tests by name, and one that is not there.
  const some = ["same #2", "two\nlines 🐞 a > b (c)", "group > has parts > one", "gone"];
  const again = await runTests(
    session,
    some.map((name) => `all.test.mjs > ${name}`),
  );
  await session.close();
  expect(Object.fromEntries(Array.from(again.results.values(), ({ id, outcome }) => [id, outcome]))).toEqual({
    "all.test.mjs > same #2": "failed",
    "all.test.mjs > two\nlines 🐞 a > b (c)": "passed",
    "all.test.mjs > group > has parts > one": "passed",
    "all.test.mjs > gone": "error",
  });
});

test("what did not pass is tried again", async () => {
  await using project = await nodeProject({
    "flaky.test.mjs": `import { existsSync, writeFileSync } from "node:fs"; import { test } from "node:test";
test("flaky", () => { if (existsSync("tried")) return; writeFileSync("tried", ""); throw new Error("first"); });
test("never", () => { throw new Error("always"); });
test("passes", () => {});`,
  });
  const session = await nodeTest.open(project.options({ retries: 2 }));
  const { results } = await runTests(session, ["flaky.test.mjs"]);
  await session.close();
  const told = Array.from(results.values(), ({ id, outcome, retries }) => [id.split(" > ")[1], outcome, retries]);
  expect(told).toEqual([
    ["passes", "passed", undefined],
    ["flaky", "passed", 1],
    ["never", "failed", 2],
  ]);
});

test("patterns of files and options of Node are taken, and a file that imports node:test is a clue", async () => {
  await using project = await nodeProject({
    "checks/one.mjs":
      'import { test } from "node:test"; test("one", () => { if (!globalThis.setUp) throw new Error(); });',
    "set-up.mjs": "globalThis.setUp = true;",
    "one.test.mjs": "import test from 'node:test';",
  });
  const args = ["--import=./set-up.mjs", "checks/*.mjs"];
  expect((await nodeTest.discover(project.place(...args))).tests.map(({ id }) => id)).toEqual(["checks/one.mjs"]);
  const session = await nodeTest.open(project.options({ arguments: args }));
  const { results } = await runTests(session, ["checks/one.mjs"]);
  await session.close();
  expect(results.get("checks/one.mjs > one")?.outcome).toBe("passed");
  expect(await nodeTest.clue(project.folder)).toEqual({
    file: "one.test.mjs",
    reason: "one.test.mjs imports node:test",
  });
  expect(await nodeTest.clue(join(project.folder, "checks"))).toBeNull();
});

async function ownOutcomes(folder: string): Promise<string[]> {
  const args = ["--test", "--test-reporter=junit", "all.test.mjs"];
  const failed = (error: { stdout: string }): { stdout: string } => error;
  const { stdout } = await promisify(execFile)("node", args, { cwd: folder, env: userEnvironment() }).catch(failed);
  // A test with parts is a group in JUnit: its own verdict is not there, and a suite whose hook failed has none either.
  const cases = [...stdout.matchAll(/<testcase name="([^"]*)"[^>]*?(\/>|>\s*<(failure|skipped)?)/g)];
  return [
    ...cases.map(
      ([, name = "", , verdict]) =>
        `${name.replaceAll("&#10;", "\n").replace("a &gt; b", "a > b").split(" > ").at(-1)} ${verdict ?? "passed"}`,
    ),
    "has parts failure",
    "hooked failure",
  ];
}

function inJunit(outcome: string): string {
  return { passed: "passed", skipped: "skipped", xfailed: "skipped" }[outcome] ?? "failure";
}
