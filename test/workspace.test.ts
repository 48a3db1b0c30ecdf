import { execFileSync } from "node:child_process";
import { appendFile, chmod, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { AssayProcess, RunningCoordinator } from "./support/assay-process.ts";
import { Site, until, workersReady } from "./support/assay-process.ts";

interface Told {
  counts: Record<string, number>;
  workspace: { root: string; files: number; sent_files: number; sent_bytes: number; seconds: number } | null;
  tests: { id: string; outcome: string; message?: string }[];
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** A worker whose home and data are not near the project. */
function distantWorker(site: Site, link: RunningCoordinator): AssayProcess {
  const args = ["worker", ...link.flags, "--slots", "2", "--name", "far", "--data-dir", site.path("far")];
  return site.start(args, { HOME: site.path("home") });
}

async function told(process: AssayProcess): Promise<Told> {
  const { code, stdout, stderr } = await process.ended;
  if (!stdout.startsWith("{")) throw new Error(stderr);
  const told = JSON.parse(stdout) as Told;
  expect([code, told.tests.filter(({ outcome }) => outcome !== "passed")]).toEqual([0, []]);
  return told;
}

const files = {
  ".gitignore": "ignored.txt\ngenerated/\nbuilt/\n",
  "assay.yaml": "",
  "input.txt": "1",
  "ignored.txt": "secret",
  "built/lib.txt": "built",
  "bin/tool.sh": "#!/bin/sh\necho tool",
  "daten/ü 日本 😀.txt": "unicode",
  "shipped.test.mjs": `import { equal, notEqual, throws } from "node:assert";
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
const read = (path) => readFileSync(path, "utf8");
test("files are here", () => {
  equal(read("daten/ü 日本 😀.txt"), "unicode");
  equal(read("built/lib.txt"), "built");
  equal(read("link/tool.sh"), read("bin/tool.sh"));
  equal(readlinkSync("link"), "bin");
  throws(() => read("ignored.txt"));
  equal(read("untracked.txt"), "new");
});
test("a program can be run", () => equal(String(execFileSync("bin/tool.sh")), "tool\\n"));
test("steps have run", () => equal(read("generated/input.txt"), read("input.txt")));
test("what an earlier run left is not here", () => {
  throws(() => read("left.txt"));
  writeFileSync("left.txt", "dirt");
});
`,
};

test("a project runs on a worker that never saw its folder; later runs send only what changed and keep what steps made", async () => {
  await using site = await Site.open();
  const folder = site.path("project");
  const step = { run: `echo once >> ${site.path("steps")}; mkdir -p generated; cp input.txt generated/` };
  const suite = { framework: "node-test", setup: [{ ...step, inputs: ["input.txt"], outputs: ["generated"] }] };
  await write(folder, {
    ...files,
    "assay.yaml": JSON.stringify({ suites: [suite], workspace: { include: ["built"], exclude: ["*.sock"] } }),
  });
  await chmod(join(folder, "bin/tool.sh"), 0o755);
  await symlink("bin", join(folder, "link"));
  for (const args of [["init"], ["add", "."]]) execFileSync("git", args, { cwd: folder, stdio: "ignore" });
  await writeFile(join(folder, "untracked.txt"), "new");
  const link = await site.coordinator();
  const start = (...more: string[]): AssayProcess =>
    site.start(["test", folder, "--json", "--data-dir", site.path("cli"), ...link.flags, ...more]);

  // The folder is gone before there is a worker.
  const waiting = start("--wait-for-capacity");
  await until("the run", () => /^run /m.test(waiting.stderr));
  await rename(folder, site.path("away"));
  distantWorker(site, link);
  await workersReady(link.client, 1);
  const first = await told(waiting);
  expect(first.counts).toEqual({ passed: 4 });
  expect(first.workspace).toMatchObject({ files: 9, sent_files: 8 });
  expect(waiting.stderr).toMatch(/^workspace: 9 files, 8 sent \(\d+ KB\) in [\d.]+ s$/m);

  await rename(site.path("away"), folder);
  await appendFile(join(folder, "shipped.test.mjs"), "test('one more', () => {});\n");
  const second = await told(start());
  expect([second.counts, second.workspace?.sent_files]).toEqual([{ passed: 5 }, 1]);
  expect(second.workspace?.root).not.toBe(first.workspace?.root);
  expect(await readFile(site.path("steps"), "utf8")).toBe("once\n");

  await writeFile(join(folder, "input.txt"), "2");
  expect((await told(start())).counts).toEqual({ passed: 5 });
  expect(await readFile(site.path("steps"), "utf8")).toBe("once\nonce\n");

  await symlink("/etc/hosts", join(folder, "outside"));
  const refused = await start().ended;
  expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([2, { error: { code: "workspace_refused" } }]);
});

test("packages of a lock file are installed where the files are shipped, and a revision of a repository is tested", async () => {
  await using site = await Site.open();
  const folder = site.path("project");
  const packages = {
    "": { name: "p", dependencies: { dep: "file:dep" } },
    dep: { name: "dep" },
    "node_modules/dep": { resolved: "dep", link: true },
  };
  await write(folder, {
    "package.json": JSON.stringify({ name: "p", type: "module", dependencies: { dep: "file:dep" } }),
    "package-lock.json": JSON.stringify({ name: "p", lockfileVersion: 3, requires: true, packages }),
    "dep/package.json": JSON.stringify({ name: "dep", main: "index.js" }),
    "dep/index.js": "module.exports = 42;",
    "uses-dep.test.js": `import dep from "dep"; import { equal } from "node:assert"; import { test } from "node:test";
test("the package is there", () => equal(dep, 42));`,
  });
  const git = (...args: string[]): unknown =>
    execFileSync("git", ["-c", "user.name=n", "-c", "user.email=n@example.invalid", ...args], {
      cwd: folder,
      stdio: "ignore",
    });
  git("init", "--initial-branch", "main");
  git("add", ".");
  git("commit", "-m", "one");
  git("tag", "v1");
  await write(folder, {
    "uses-dep.test.js": `import { test } from "node:test"; test("not of v1", () => { throw new Error(); });`,
  });
  git("commit", "-a", "-m", "two");
  const link = await site.coordinator();
  distantWorker(site, link);
  await workersReady(link.client, 1);
  const flags = ["--json", "--data-dir", site.path("cli"), ...link.flags];
  const run = site.start(["test", `git+file://${folder}@v1`, ...flags]);
  const { counts, workspace } = await told(run);
  expect([counts, workspace?.files]).toEqual([{ passed: 1 }, 5]);
  expect(run.stderr).toContain("to list the tests: npm ci");
  expect(run.stderr).toContain("workers run `npm ci` once for each package-lock.json");
  expect(await readdir(site.path("far/workers/far/cache/workspaces/setup"))).toHaveLength(1);
  const unknown = await site.start(["test", `git+file://${folder}@v9`, ...flags]).ended;
  expect([unknown.code, JSON.parse(unknown.stdout)]).toMatchObject([2, { error: { code: "unknown_revision" } }]);
  // Workers that share the folder use it as it is.
  const inPlace = await site.start(["test", folder, "--in-place", ...flags]).ended;
  expect(JSON.parse(inPlace.stdout)).toMatchObject({ workspace: null, counts: { failed: 1 } });
});
