import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { type Outcome, ROOT, runNode, treeWith } from "./run-script.ts";

const SCRIPTS = ["scripts/test.mjs", "scripts/check.mjs", "vitest.config.ts"];
const PACKAGE = { "package.json": `{ "type": "module" }`, "scripts/gates.mjs": "export const GATES = [];" };
const TESTS = {
  "test/a.test.ts": `import { it } from "vitest";
    it("adds up", () => {}); it("fails", () => { throw new Error("no"); }); it.skip("waits", () => {});`,
  "test/b.test.ts": `throw new Error("cannot be collected");`,
  "src/base/c.test.ts": `import { it } from "vitest"; it("is a unit", () => {});`,
};

/** Runs the test command in a tree of `files`; the tree shares this repository's packages. */
async function test(
  files: Record<string, string>,
  ...args: string[]
): Promise<Outcome & { lastLine: string | undefined }> {
  const root = treeWith(SCRIPTS, { ...PACKAGE, ...files });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  const outcome = await runNode([join(root, "scripts/test.mjs"), ...args]);
  return { ...outcome, lastLine: outcome.stdout.trimEnd().split("\n").at(-1) };
}

it("counts passed, failed and skipped tests, and a file that cannot be collected as failed", async () => {
  expect(await test(TESTS, "--type", "e2e")).toMatchObject({ code: 1, lastLine: "1 passed, 2 failed, 1 skipped" });
});

it("runs only the asked kind", async () => {
  expect(await test(TESTS, "--type", "unit")).toMatchObject({ code: 0, lastLine: "1 passed, 0 failed" });
});

it("runs only tests whose name contains the filter, taken literally", async () => {
  const { "test/b.test.ts": _broken, ...files } = TESTS;
  expect(await test(files, "--filter", "adds")).toMatchObject({ code: 0, lastLine: "1 passed, 0 failed" });
  expect(await test(files, "--filter", "a.ds")).toMatchObject({ code: 1, lastLine: "0 passed, 0 failed" });
});

it("counts a failure outside every test", async () => {
  const late = `import { it } from "vitest"; it("passes", () => { void Promise.reject(new Error("late")); });`;
  expect(await test({ "test/a.test.ts": late }, "--type", "e2e")).toMatchObject({
    code: 1,
    lastLine: "1 passed, 1 failed",
  });
});

it("counts every gate as one test, and tests even when a gate failed", async () => {
  const gates = [
    { name: "good", command: ["node", "-e", ""] },
    { name: "bad", command: ["node", "-e", "process.exit(1)"] },
  ];
  const files = {
    "scripts/gates.mjs": `export const GATES = ${JSON.stringify(gates)};`,
    "src/base/c.test.ts": TESTS["src/base/c.test.ts"],
  };
  expect(await test(files)).toMatchObject({ code: 1, lastLine: "2 passed, 1 failed" });
});

it("refuses what it does not know", async () => {
  expect(await test({}, "--type", "fault")).toMatchObject({
    code: 2,
    stderr: "--type fault is unknown; use unit, integration, e2e\n",
  });
  expect(await test({}, "--gone")).toMatchObject({ code: 2, stderr: expect.stringContaining("usage: npm test") });
});
