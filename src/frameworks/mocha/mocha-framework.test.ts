import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runTests, nodeProject, userEnvironment } from "../framework-acceptance.ts";
import { mocha } from "./mocha-framework.ts";

const outcomes = `
const assert = require("node:assert");
let tries = 0;
it("passes", () => {});
it("fails", () => { console.log("said before"); assert.equal(1, 2); });
it.skip("skipped", () => {});
it("later");
it("same", () => {});
it("same", () => { throw new Error("second"); });
it("two\\nlines 🐞 a > b (c)", () => {});
it("slow", function (done) { this.timeout(1); setTimeout(done, 500).unref(); });
it("flaky", function () { this.retries(2); tries += 1; assert.equal(tries, 3); });
describe("group", () => { it("fails", () => { throw new Error("grouped"); }); });
describe("hooked", () => { before(() => { throw new Error("before"); }); it("never", () => {}); });
`;

test("what it lists and runs is what Mocha itself says in its JSON report", async () => {
  await using project = await nodeProject({
    "test/all.js": outcomes,
    "test/one.js": 'describe("one", () => { it("passes", () => {}); });',
    ".mocharc.json": '{ "sort": true }',
  });
  expect(await mocha.clue(project.folder)).toMatchObject({ file: ".mocharc.json" });
  const { tests, version } = await mocha.discover(project.place());
  expect(version).toMatch(/^\d+\./);
  expect(tests.at(-1)).toEqual({
    id: "test/one.js > one > passes",
    file: "test/one.js",
    together: "file:test/one.js",
    tags: [],
  });
  const session = await mocha.open(project.options());
  const { end, results } = await runTests(session, ["test/all.js", "test/one.js > one > passes"]);
  expect(end).toBeNull();
  expect([...results.keys()].toSorted()).toEqual(tests.map(({ id }) => id).toSorted());
  const own = await ownOutcomes(project.folder);
  const ours = Array.from(results.values(), ({ id, outcome }) => {
    const name = id.split(" > ").slice(1).join(" ").replace(" #2", "");
    return `${name} ${outcome === "timed_out" ? "failed" : outcome}`;
  });
  // Of a test that its hook kept from running Mocha tells nothing but the hook.
  expect(ours.filter((line) => line !== "hooked never error").toSorted()).toEqual(
    own.map((line) => line.replace(" > ", " ")).toSorted(),
  );
  expect(results.get("test/all.js > fails")).toMatchObject({ output: "said before\n" });
  expect(results.get("test/all.js > slow")).toMatchObject({ outcome: "timed_out" });
  expect(results.get("test/all.js > flaky")).toMatchObject({ outcome: "passed", retries: 2 });
  expect(results.get("test/all.js > hooked > never")).toMatchObject({
    outcome: "error",
    message: expect.stringContaining("before"),
  });
  const some = ["test/all.js > same #2", "test/all.js > two\nlines 🐞 a > b (c)", "test/all.js > gone"];
  const again = await runTests(session, some);
  await session.close();
  expect(Array.from(again.results.values(), ({ id, outcome }) => [id, outcome])).toEqual([
    [some[0], "failed"],
    [some[1], "passed"],
    [some[2], "error"],
  ]);
});

test("a process that a test ends was running that test, and nothing before it is lost", async () => {
  await using project = await nodeProject({
    "test/ends.js": 'it("before", () => {}); it("ends", () => process.exit(7)); it("after", () => {});',
  });
  const session = await mocha.open(project.options());
  const { end, results, events } = await runTests(session, ["test/ends.js"]);
  await session.close();
  expect(end).toEqual({ exitCode: 7, signal: null });
  expect([...results.keys()]).toEqual(["test/ends.js > before"]);
  expect(events.at(-1)).toEqual({ kind: "started", id: "test/ends.js > ends" });
});

test("a project without mocha, or with a file that cannot be read, is an error that says what to do", async () => {
  await using project = await nodeProject({ "test/broken.js": 'require("./nothing.js");' });
  await expect(mocha.discover(project.place())).rejects.toMatchObject({
    code: "discovery_failed",
    message: expect.stringContaining("nothing.js"),
  });
  await expect(mocha.open({ ...project.options(), folder: "/" })).rejects.toMatchObject({
    code: "framework_missing",
    next: expect.stringContaining("npm install --save-dev mocha"),
  });
});

async function ownOutcomes(folder: string): Promise<string[]> {
  const failed = (error: { stdout: string }): { stdout: string } => error;
  const options = { cwd: folder, env: userEnvironment() };
  const { stdout } = await promisify(execFile)("npx", ["mocha", "--reporter=json"], options).catch(failed);
  const report = JSON.parse(stdout.slice(stdout.indexOf("{\n"))) as Record<string, { fullTitle: string }[]>;
  const named = (list: string, outcome: string): string[] =>
    (report[list] ?? []).map(({ fullTitle }) => `${fullTitle} ${outcome}`);
  const all = [...named("passes", "passed"), ...named("failures", "failed"), ...named("pending", "skipped")];
  return all.filter((line) => !line.includes("hook for"));
}
