import { mkdir, readdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pythonHas } from "../src/frameworks/framework-acceptance.ts";
import { all, assay, Site, until, workersReady } from "./support/assay-process.ts";
import type { AssayProcess, Output, RunningCoordinator } from "./support/assay-process.ts";

/** What no other process here has among its arguments. */
const BOMB = `36000.${process.pid}`;

const files: Readonly<Record<string, string>> = {
  "py/pytest.ini": "[pytest]\naddopts = -p no:cacheprovider\n",
  "py/test_import.py": "import nothing_of_this_name\ndef test_never(): pass\n",
  "py/test_loud.py": `import os, sys
def test_loud():
    for _ in range(60): os.write(1, b"\\0\\xff\\x1b[2J" * 100_000)
def test_long():
    sys.stdout.write("\\0" * 30_000_000)
    assert 0, "\\0" * 5_000_000
`,
  "py/test_names.py": `import pytest
@pytest.mark.parametrize("text", ["two\\nlines", "\\N{LADY BEETLE}", "a[b]::c > d", "same", "same", "nul\\0", "x" * 3_000])
def test_any(text): pass
class TestOne:
    def test_same(self): pass
class TestTwo:
    def test_same(self): assert 0
`,
  "py/test_moves.py": `import os, tempfile
def test_moves(): os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())
def test_after(): assert os.path.exists(__file__)
`,
  "py/test_ends.py": `import os
def test_before(): pass
def test_exits_as_if_all_were_well(): os._exit(0)
def test_after(): pass
`,
  "py/test_bombs.py": `import glob, os, time
def arguments(path):
    try:
        with open(path) as file: return file.read()
    except OSError: return ""
def test_bombs():
    def fork(level):
        for _ in range(6):
            if os.fork() == 0:
                if level > 0: fork(level - 1)
                os.setsid(); os.execvp("sleep", ["sleep", "${BOMB}"])
    fork(2)
    for _ in range(150):
        if sum("\\x00${BOMB}\\x00" in arguments(path) for path in glob.glob("/proc/[0-9]*/cmdline")) == 258: return
        time.sleep(0.2)
    assert 0
`,
  "js/a.test.mjs": `import { test } from "node:test";
import { chdir } from "node:process";
test("moves", () => chdir("/"));
test("same", () => {});
test("same", () => { throw new Error("\\0 and \\u{1F41E}"); });
test("two\\nlines \\u{1F41E}\\0", () => {});
test("", () => {});
`,
  "js/parent.test.mjs": `import { test } from "node:test";
test("ends its parent", async () => { process.kill(process.ppid, "SIGKILL"); await new Promise(() => {}); });
`,
  "js/import.test.mjs":
    'import { test } from "node:test";\ntest("before", () => {});\nthrow new Error("while it loads");\n',
  "pw/playwright.config.mjs": "export default {};",
  "pw/a.spec.mjs": `import { test } from "@playwright/test";
import { symlinkSync } from "node:fs";
test("attaches what is not its own", ({}, info) => {
  symlinkSync("/etc/passwd", "link");
  for (const path of ["/etc/passwd", "../../../../../../../../etc/passwd", "link", "/dev/zero", "own.txt"])
    info.attachments.push({ name: "../../" + path, path, contentType: "text/plain" });
});
`,
  "pw/own.txt": "its own",
  "missing/jest.config.js": "",
};

interface Told {
  tests: { id: string; outcome: string; message?: string; reproduce: string | null }[];
  problems: { file: string | null; message: string }[];
}

const hasPytest = pythonHas("pytest");

if (process.platform !== "linux") console.log("skipped: processes are looked through in /proc, on Linux alone");

let site: Site;
let link: RunningCoordinator;
let worker: AssayProcess;
beforeAll(async () => {
  site = await Site.open();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(site.path(name)), { recursive: true });
    await writeFile(site.path(name), text);
  }
  await symlink(await realpath(join(import.meta.dirname, "../node_modules")), site.path("pw/node_modules"));
  link = await site.coordinator();
  worker = site.worker("one", link, "--slots", "2");
  await workersReady(link.client, 1);
});
afterAll(() => site[Symbol.asyncDispose]());

/** What became of the tests in a folder, which the worker shares: it has links that lead out. */
async function run(folder: string, ...more: string[]): Promise<Told & Pick<Output, "code"> & { told: string[] }> {
  const { code, stdout, stderr } = await assay(
    "test",
    site.path(folder),
    "--json",
    "--in-place",
    ...link.flags,
    ...more,
  );
  if (!stdout.includes('"tests"')) throw new Error(`${stdout}${stderr}`);
  const report = JSON.parse(stdout) as Told;
  const told = report.tests.map(
    ({ id, outcome }) =>
      `${outcome} ${
        id
          .split(/::| > /)
          .slice(1)
          .join(" > ") || id
      }`,
  );
  return { ...report, code, told: told.toSorted() };
}

/** Processes of the bomb that are still there. */
async function bombs(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")));
  return lines.filter((line) => line.includes(`\0${BOMB}\0`));
}

test("of node:test: the same, and a test that ends the process that runs it", async () => {
  const { told, tests } = await run("js");
  expect(told).toEqual(
    [
      ...["passed moves", "passed same", "failed same #2", "passed two\nlines \u{1F41E}\u2400", "passed <anonymous>"],
      ...["crashed parent.test.mjs", "error import.test.mjs"],
    ].toSorted(),
  );
  expect(tests.find(({ id }) => id === "import.test.mjs")?.message).toContain("while it loads");
});

test("of Playwright: an attachment that leads out of the folder is not kept", async () => {
  const { told } = await run("pw");
  expect(told).toEqual(["passed attaches what is not its own"]);
  const kept = await all(link.client.artifacts({}));
  expect(kept.map(({ name }) => name).filter((name) => name.startsWith("attachments/"))).toEqual([
    "attachments/5/own.txt",
  ]);
});

test("a framework that is not installed says how to get it", async () => {
  const { code, stderr } = await assay("test", site.path("missing"), ...link.flags);
  expect(stderr).toContain("framework_missing");
  expect(stderr).toContain("npm install --save-dev jest");
  expect(code).toBe(3);
});

test.skipIf(!hasPytest || process.platform !== "linux")(
  "of pytest: each test is told, whatever it prints, is named or does",
  async () => {
    const { told, tests, problems, code } = await run("py");
    expect(code).toBe(1);
    expect(told).toEqual(
      [
        ...["passed test_loud", "failed test_long", "passed test_moves", "passed test_after", "passed test_bombs"],
        ...["passed test_before", "crashed test_exits_as_if_all_were_well", "passed test_after"],
        ...["two\\nlines", "\\U0001f41e", "a[b]::c > d", "same0", "same1", "nul\\x00", "x".repeat(3_000)].map(
          (text) => `passed test_any[${text.replace("::", " > ")}]`,
        ),
        ...["passed TestOne > test_same", "failed TestTwo > test_same"],
      ].toSorted(),
    );
    expect(problems).toMatchObject([
      { file: "test_import.py", message: expect.stringContaining("nothing_of_this_name") },
    ]);
    const long = tests.find(({ id }) => id.endsWith("test_long"));
    expect(JSON.stringify(long)).not.toContain(String.raw`\u0000`);
    expect(JSON.stringify(long).length).toBeLessThan(20_000);
    // They had left their group, their session and their parents.
    await worker.stop();
    await until("the end of what the bomb started", async () => (await bombs()).length === 0);
  },
);
