import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runTests, nodeProject, userEnvironment } from "../framework-acceptance.ts";
import { vitest } from "./vitest-framework.ts";

const outcomes = `
import { beforeAll, describe, expect, test } from "vitest";
let tries = 0;
test("passes", () => {});
test("fails", () => { console.log("said before"); expect(1).toBe(2); });
test.skip("skipped", () => {});
test.todo("later");
test.fails("expected", () => { throw new Error("known"); });
test("same", () => {});
test("same", () => { throw new Error("second"); });
test("two\\nlines 🐞 a > b (c)", () => {});
test.each([1, 2])("each %i", (one) => expect(one).toBe(1));
test("flaky", { retry: 2 }, () => { tries += 1; expect(tries).toBe(3); });
describe("group", () => {
  test("fails", () => { throw new Error("grouped"); });
  describe("inner", () => { beforeAll(() => { throw new Error("before"); }); test("never", () => {}); });
});
`;

test("what it lists and runs is what Vitest itself says in its JSON report", async () => {
  await using project = await nodeProject({
    "all.test.mjs": outcomes,
    "lib/one.mjs": "export const one = 1;",
    "lib/one.test.mjs":
      'import { expect, test } from "vitest"; import { one } from "./one.mjs"; test("one", () => expect(one).toBe(1));',
    "broken.test.mjs": 'import "./nothing.mjs";',
  });
  const { tests, problems, version } = await vitest.discover(project.place());
  expect(version).toMatch(/^\d+\./);
  expect(problems).toEqual([{ file: "broken.test.mjs", message: expect.stringContaining("nothing.mjs") }]);
  expect(tests.find(({ id }) => id === "lib/one.test.mjs > one")).toEqual({
    id: "lib/one.test.mjs > one",
    file: "lib/one.test.mjs",
    line: 1,
    together: "file:lib/one.test.mjs",
    tags: [],
  });
  const files = await vitest.discover(project.place(), "files");
  expect(files.problems).toEqual([]);
  expect(files.tests.map(({ id, together }) => `${id} ${together}`).toSorted()).toEqual(
    ["all.test.mjs", "broken.test.mjs", "lib/one.test.mjs"].map((file) => `${file} file:${file}`),
  );
  const session = await vitest.open(project.options());
  const all = await runTests(session, [...tests.map(({ id }) => id), "broken.test.mjs"]);
  expect(all.end).toBeNull();
  const own = await ownOutcomes(project.folder);
  const ours = tests.map(({ id }) => `${all.results.get(id)?.outcome}`);
  expect(ours).toEqual(own);
  expect(all.results.get("all.test.mjs > fails")).toMatchObject({
    output: "said before\n",
    message: expect.stringContaining("expected 1 to be 2"),
  });
  expect(all.results.get("all.test.mjs > flaky")).toMatchObject({ outcome: "passed", retries: 2 });
  expect(all.results.get("broken.test.mjs")?.outcome).toBe("error");
  const loaded = { kind: "loaded", file: "lib/one.test.mjs", files: ["lib/one.mjs", "lib/one.test.mjs"] };
  expect(all.events).toContainEqual(loaded);
  // The same process, some tests by name, and one that is not there.
  const some = ["all.test.mjs > same #2", "all.test.mjs > two\nlines 🐞 a > b (c)", "all.test.mjs > gone"];
  const again = await runTests(session, some);
  await session.close();
  expect([...again.results.values()].map(({ id, outcome }) => [id, outcome])).toEqual([
    [some[0], "failed"],
    [some[1], "passed"],
    [some[2], "error"],
  ]);
});

test("a test that ends its worker is named, and the others of its file run", async () => {
  await using project = await nodeProject({
    "ends.test.mjs": `import { test } from "vitest";
test("before", () => {});
test("ends", () => process.kill(process.pid, "SIGKILL"));
test("after", () => {});`,
  });
  const session = await vitest.open(project.options());
  const { end, results } = await runTests(session, ["ends.test.mjs"]);
  await session.close();
  expect(end).toBeNull();
  expect([...results.values()].map(({ id, outcome }) => [id, outcome])).toEqual([
    ["ends.test.mjs > before", "passed"],
    ["ends.test.mjs > ends", "crashed"],
    ["ends.test.mjs > after", "passed"],
  ]);
});

test("projects are in the ids, and retries of the run are Vitest's own", async () => {
  await using project = await nodeProject({
    "vitest.config.mjs": `export default { test: { projects: [
  { test: { name: "one", include: ["a.test.mjs"] } }, { test: { name: "two", include: ["a.test.mjs"] } }] } };`,
    "a.test.mjs": `import { expect, test } from "vitest"; let tries = 0;
test("flaky", () => { tries += 1; expect(tries).toBe(2); });`,
  });
  const { tests } = await vitest.discover(project.place());
  expect(tests.map(({ id }) => id)).toEqual(["[one] a.test.mjs > flaky", "[two] a.test.mjs > flaky"]);
  const session = await vitest.open(project.options({ retries: 1 }));
  const { results } = await runTests(session, ["[two] a.test.mjs > flaky"]);
  await session.close();
  expect([...results.values()]).toMatchObject([{ id: "[two] a.test.mjs > flaky", outcome: "passed", retries: 1 }]);
});

test("a run that demands real libraries fails the tests that have a stand-in", async () => {
  await using project = await nodeProject({
    "mocked.test.mjs": `import { test, vi } from "vitest"; import "ws"; import "zod";
vi.mock("ws", () => ({})); test("passes", () => {}); test.skip("is skipped", () => {});`,
  });
  const session = await vitest.open(project.options({ watch: ["ws", "zod"], requireReal: ["ws"] }));
  const { results } = await runTests(session, ["mocked.test.mjs"]);
  await session.close();
  expect([...results.values()]).toMatchObject([
    {
      outcome: "failed",
      message: "the run demands real libraries, and ws was mocked",
      libraries: { ws: "mocked", zod: "real" },
    },
    { outcome: "skipped" },
  ]);
});

test("a session that is closed while tests run ends with them", async () => {
  await using project = await nodeProject({
    "hangs.test.mjs": 'import { test } from "vitest"; test("hangs", () => { for (;;) continue; });',
  });
  const session = await vitest.open(project.options());
  const end = await session.run(["hangs.test.mjs"], (event) => {
    if (event.kind === "started") void session.close();
  });
  expect(end).toMatchObject({ signal: "SIGKILL" });
});

test("a project without vitest, or with settings that cannot be read, is an error that says what to do", async () => {
  await using project = await nodeProject({ "vitest.config.mjs": 'throw new Error("bad settings");' });
  expect(await vitest.clue(project.folder)).toMatchObject({ file: "vitest.config.mjs" });
  await expect(vitest.discover(project.place())).rejects.toMatchObject({
    code: "discovery_failed",
    message: expect.stringContaining("bad settings"),
  });
  await expect(vitest.open({ ...project.options(), folder: "/" })).rejects.toMatchObject({
    code: "framework_missing",
    next: expect.stringContaining("npm install --save-dev vitest"),
  });
});

/** In the order of the files and their tests. */
async function ownOutcomes(folder: string): Promise<string[]> {
  const args = ["vitest", "run", "--reporter=json", "--outputFile=own.json", "--maxWorkers=1"];
  await promisify(execFile)("npx", args, { cwd: folder, env: userEnvironment() }).catch(() => undefined);
  const report = JSON.parse(await readFile(join(folder, "own.json"), "utf8")) as {
    testResults: { name: string; assertionResults: { fullName: string; status: string }[] }[];
  };
  return report.testResults
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .flatMap(({ assertionResults }) =>
      assertionResults.map(({ status, fullName }) => {
        // Vitest's report calls what a failed hook kept from running skipped.
        if (fullName.endsWith("never")) return "error";
        return status === "pending" || status === "todo" ? "skipped" : status;
      }),
    );
}
