import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findSuites } from "./find-suites.ts";
import { loadProject } from "./project-file.ts";

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "assay-find-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function found(): Promise<string[]> {
  const suites = await findSuites(folder, await loadProject(folder));
  return suites.map(({ suite, clue }) => `${suite.framework} in ${suite.directory}: ${clue?.reason ?? "assay.yaml"}`);
}

test("modules of Go and packages of Cargo are found where they have tests, and only once from the root down", async () => {
  await write({
    "go.mod": "module example.com/a",
    "deep/er/a_test.go": "package er",
    "tools/go.mod": "module example.com/tools",
    "tools/tools_test.go": "package tools",
    "native/Cargo.toml": "[package]",
    "native/src/lib.rs": "#[tokio::test]\nasync fn one() {}",
    "other/Cargo.toml": "[package]",
    "other/src/main.rs": "fn main() {}",
    "other/target/debug/test.rs": "#[test]",
    "sh/tests/a.sh": "exit 0",
  });
  expect(await found()).toEqual([
    "go in .: go.mod makes it a module of Go, and tools/tools_test.go has tests",
    "cargo in native: Cargo.toml makes it a package, and src/lib.rs has tests",
  ]);
});

test("what any program is to run stands in assay.yaml, and is wrong where it has no place for names", async () => {
  const yaml = (run: string): string => `suites: [{ framework: command, command: { list: ls, run: ${run} } }]`;
  await write({ "assay.yaml": yaml('"sh {tests}"'), "go.mod": "", "a_test.go": "" });
  expect(await found()).toEqual(["command in .: assay.yaml"]);
  await write({ "assay.yaml": yaml("sh all.sh") });
  await expect(found()).rejects.toMatchObject({ message: expect.stringContaining("{tests}") });
});
