import { appendFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { pretendNode, runNode, treeWith } from "./run-script.ts";

const MANIFEST = { name: "x", version: "1.0.0", dependencies: { local: "file:local" } };
const LOCK = {
  name: "x",
  version: "1.0.0",
  lockfileVersion: 3,
  packages: { "": MANIFEST, local: { version: "1.0.0" }, "node_modules/local": { resolved: "local", link: true } },
};

function tree(): string {
  return treeWith(["scripts/setup.mjs"], {
    "package.json": JSON.stringify(MANIFEST),
    "package-lock.json": JSON.stringify(LOCK),
    "local/package.json": `{ "name": "local", "version": "1.0.0" }`,
  });
}

it("installs when packages are missing or older than the lock file, and else does nothing", async () => {
  const root = tree();
  const setup = (): ReturnType<typeof runNode> => runNode([join(root, "scripts/setup.mjs"), "test"]);

  expect(await setup()).toMatchObject({ code: 0, stdout: expect.stringContaining("running npm ci") });
  expect(existsSync(join(root, "node_modules/local"))).toBe(true);
  expect(await setup()).toEqual({ code: 0, stdout: "", stderr: "" });

  appendFileSync(join(root, "package-lock.json"), "\n");
  expect(await setup()).toMatchObject({ code: 0, stdout: expect.stringContaining("older than package-lock.json") });

  rmSync(join(root, "node_modules"), { recursive: true });
  expect(await setup()).toMatchObject({ code: 0, stdout: expect.stringContaining("not installed") });
});

it("fails when npm fails, and tries again the next time", async () => {
  const root = tree();
  rmSync(join(root, "package-lock.json"));
  appendFileSync(join(root, "package-lock.json"), "{}");
  const args = [join(root, "scripts/setup.mjs"), "start"];
  const failure = { code: 1, stderr: expect.stringContaining("setup: npm ci failed") };
  expect(await runNode(args)).toMatchObject(failure);
  expect(await runNode(args)).toMatchObject(failure);
});

it("refuses a Node that cannot install, with the next step", async () => {
  const root = tree();
  const { code, stderr } = await runNode([pretendNode("20.18.3"), join(root, "scripts/setup.mjs"), "start"]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    "setup: Node 20.18.3 is too old: Assay installs with Node 20.19 or newer. " +
      "Get a current one from https://nodejs.org and run the command again.\n",
  );
  expect(existsSync(join(root, "node_modules"))).toBe(false);
});
