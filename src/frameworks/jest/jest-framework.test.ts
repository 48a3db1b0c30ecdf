import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runTests, nodeProject, userEnvironment } from "../framework-acceptance.ts";
import { jest } from "./jest-framework.ts";

const outcomes = `
test("passes", () => {});
test("fails", () => { expect(1).toBe(2); });
test.skip("skipped", () => {});
test.todo("later");
test.failing("expected", () => { throw new Error("known"); });
test("same", () => {});
test("same", () => { throw new Error("second"); });
test("two\\nlines 🐞 a > b (c)", () => {});
test.each([1, 2])("each %i", (one) => expect(one).toBe(1));
describe("group", () => {
  test("fails", () => { throw new Error("grouped"); });
  describe("inner", () => { beforeAll(() => { throw new Error("before"); }); test("never", () => {}); });
});
`;
const settings = { "package.json": '{ "jest": { "transform": {}, "testMatch": ["**/*.test.js"] } }' };

test("what it tells of tests is what Jest itself says in its JSON report", async () => {
  await using project = await nodeProject({
    ...settings,
    "all.test.js": outcomes,
    "lib/broken.test.js": 'require("./nothing.js");',
  });
  const { tests, version } = await jest.discover(project.place());
  expect(version).toMatch(/^\d+\./);
  expect(tests.map(({ id }) => id).toSorted()).toEqual(["all.test.js", "lib/broken.test.js"]);
  const session = await jest.open(project.options());
  const { end, results, events } = await runTests(session, ["all.test.js", "lib/broken.test.js"]);
  expect(end).toBeNull();
  const ours = Array.from(results.values(), ({ id, outcome }) => `${id.replace(" #2", "")} ${outcome}`);
  expect(ours.toSorted()).toEqual([...(await ownOutcomes(project.folder)), "lib/broken.test.js error"].toSorted());
  expect(results.get("all.test.js > fails")?.message).toContain("expect(received).toBe(expected)");
  expect(results.get("lib/broken.test.js")?.message).toContain("nothing.js");
  expect(events).toContainEqual({ kind: "started", id: "all.test.js > passes" });
  // The same process, some tests by name, and one that is not there.
  const some = ["all.test.js > same #2", "all.test.js > two\nlines 🐞 a > b (c)", "all.test.js > gone"];
  const again = await runTests(session, some);
  await session.close();
  expect(Object.fromEntries(Array.from(again.results.values(), ({ id, outcome }) => [id, outcome]))).toEqual({
    "all.test.js > same #2": "failed",
    "all.test.js > two\nlines 🐞 a > b (c)": "passed",
    "all.test.js > gone": "error",
  });
});

test("retries are counted, those of the project and those of the run", async () => {
  await using project = await nodeProject({
    ...settings,
    "own.test.js": 'jest.retryTimes(2); let tries = 0; test("own", () => expect(++tries).toBe(3));',
    "run.test.js": `const { existsSync, writeFileSync } = require("node:fs");
test("run", () => { if (existsSync("tried")) return; writeFileSync("tried", ""); throw new Error("first"); });
test("never", () => { throw new Error("always"); });`,
  });
  const session = await jest.open(project.options({ retries: 1 }));
  const { results } = await runTests(session, ["own.test.js", "run.test.js"]);
  await session.close();
  expect(results.get("own.test.js > own")).toMatchObject({ outcome: "passed", retries: 2 });
  expect(results.get("run.test.js > run")).toMatchObject({ outcome: "passed", retries: 1 });
  expect(results.get("run.test.js > never")).toMatchObject({ outcome: "failed", retries: 1 });
});

test("a file in two projects is told of for each", async () => {
  await using project = await nodeProject({
    "jest.config.json": '{ "projects": ["<rootDir>/one.json", "<rootDir>/two.json"] }',
    "one.json": '{ "displayName": "one", "transform": {} }',
    "two.json": '{ "displayName": "two", "transform": {} }',
    "a.test.js": 'test("passes", () => {});',
  });
  const { tests } = await jest.discover(project.place());
  expect(tests.map(({ id }) => id)).toEqual(["a.test.js"]);
  const session = await jest.open(project.options());
  const { results } = await runTests(session, ["a.test.js"]);
  await session.close();
  expect([...results.keys()]).toEqual(["a.test.js > passes", "a.test.js > passes #2"]);
});

test("a process that a test ends was running that test, and nothing before it is lost", async () => {
  await using project = await nodeProject({
    ...settings,
    "ends.test.js":
      'test("before", () => {}); test("ends", () => process.kill(process.pid, "SIGKILL")); test("after", () => {});',
  });
  const session = await jest.open(project.options());
  const { end, results, events } = await runTests(session, ["ends.test.js"]);
  await session.close();
  expect(end).toEqual({ exitCode: null, signal: "SIGKILL" });
  expect([...results.keys()]).toEqual(["ends.test.js > before"]);
  expect(events.at(-1)).toEqual({ kind: "started", id: "ends.test.js > ends" });
});

test("a project without jest, or with settings that cannot be read, is an error that says what to do", async () => {
  await using project = await nodeProject({ "jest.config.js": 'throw new Error("bad settings");' });
  expect(await jest.clue(project.folder)).toMatchObject({ file: "jest.config.js" });
  await expect(jest.discover(project.place())).rejects.toMatchObject({
    code: "discovery_failed",
    message: expect.stringContaining("bad settings"),
  });
  await expect(jest.open({ ...project.options(), folder: "/" })).rejects.toMatchObject({
    code: "framework_missing",
    next: expect.stringContaining("npm install --save-dev jest"),
  });
});

async function ownOutcomes(folder: string): Promise<string[]> {
  const args = ["jest", "--json", "--outputFile=own.json", "--runInBand", "all.test.js"];
  await promisify(execFile)("npx", args, { cwd: folder, env: userEnvironment() }).catch(() => undefined);
  const report = JSON.parse(await readFile(join(folder, "own.json"), "utf8")) as {
    testResults: { assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[];
  };
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => {
      const outcome = status === "pending" || status === "todo" ? "skipped" : status;
      return `${["all.test.js", ...ancestorTitles, title].join(" > ")} ${outcome}`;
    }),
  );
}
