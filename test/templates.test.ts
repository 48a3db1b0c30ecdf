import { spawnSync } from "node:child_process";
import { chmod, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, resolve } from "node:path";
import { expect, test } from "vitest";
import { assay, MAIN, Site } from "./support/assay-process.ts";

test("templates and their numbers outlive the coordinator", async () => {
  await using site = await Site.open();
  const first = await site.coordinator();
  await first.client.addTemplate({ name: "nightly", description: "one", extends: "assay/test" });
  await first.client.addTemplate({ name: "nightly", description: "two" });
  await first.client.addTemplate({ name: "gone" });
  await first.client.removeTemplate("gone");
  await first.process.stop();
  const { client } = await site.coordinator();
  expect(await client.templates()).toMatchObject([{ name: "nightly", version: 2, description: "two", extends: null }]);
  expect(await client.template("nightly", 1)).toMatchObject({ version: 1, template: { extends: "assay/test" } });
  await expect(client.template("gone")).rejects.toMatchObject({ code: "not_found" });
  expect(await client.addTemplate({ name: "gone" })).toMatchObject({ version: 2 });
  expect(await client.stateHash()).toMatchObject({ equal: true });
});

test("a generated suite loads, tests and measures a model for real", async () => {
  await using site = await Site.open();
  const few = ["--batch-sizes", "1", "--data-dir", site.path("data"), "--submit", "--json"];
  const good = await assay("generate", "--model", "tiny-bert", "--set", "iterations=3", ...few);
  expect({ code: good.code, stderr: good.code === 0 ? "" : good.stderr }).toEqual({ code: 0, stderr: "" });
  const { tasks } = JSON.parse(good.stdout) as { tasks: { task_id: string; status: string }[] };
  expect(tasks.map(({ task_id, status }) => [task_id, status]).toSorted((a, b) => a[0]!.localeCompare(b[0]!))).toEqual([
    ["tiny-bert@cpu/benchmark", "completed"],
    ["tiny-bert@cpu/load", "completed"],
    ["tiny-bert@cpu/test", "completed"],
  ]);
});

/** Runs a command in the folder, with an `assay` of this source tree on its path. */
async function withAssay(site: Site, command: readonly [string, ...string[]]) {
  const program = site.path("assay");
  const [file, ...args] = command;
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(program, 0o755);
  const env = { ...process.env, PATH: `${site.folder}${delimiter}${process.env["PATH"]}`, VITEST: undefined };
  return spawnSync(file, args, { cwd: site.folder, env, encoding: "utf8" });
}

test("an emitted vitest file runs: each task of its suite is a test", async () => {
  await using site = await Site.open();
  const few = ["--model", "tiny-vit", "--template", "assay/test", "--set", "iterations=1"];
  const refused = await assay("generate", ...few, "--emit", "vitest", "--out", site.folder);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/has no parameter iterations; it has /)]);
  const made = await assay("generate", ...few.slice(0, -2), "--emit", "vitest", "--out", site.folder, "--json");
  expect(JSON.parse(made.stdout)).toMatchObject({ files: [site.path("test.suite.yaml"), site.path("test.test.mjs")] });
  await symlink(resolve("node_modules"), site.path("node_modules"));
  await withAssay(site, ["node_modules/.bin/vitest", "run", "--reporter=json", "--outputFile=report.json"]);
  const report = JSON.parse(await readFile(site.path("report.json"), "utf8")) as {
    testResults: { assertionResults: { title: string; status: string }[] }[];
  };
  const results = report.testResults[0]?.assertionResults.map(({ title, status }) => `${status} ${title}`);
  const told = ["tiny-vit@cpu/load", "tiny-vit@cpu/test"];
  expect(results).toEqual(told.map((title) => `passed ${title}`));
});

test("an emitted pytest file runs, and fails with the task that failed", async (context) => {
  if (spawnSync("python3", ["-m", "pytest", "--version"]).status !== 0) context.skip("pytest is not installed");
  await using site = await Site.open();
  const wrong = ["--model", "tiny-vit", "--template", "assay/test", "--set", "tolerance=1e-30", "--name", "strict"];
  await assay("generate", ...wrong, "--emit", "pytest", "--out", site.folder);
  const ran = await withAssay(site, ["python3", "-m", "pytest", "-q", "test_strict.py"]);
  expect(ran.stdout).toMatch(/FAILED test_strict\.py::test_task\[tiny-vit@cpu\/test\]/);
  expect(ran.stdout).toMatch(/1 failed, 1 passed/);
});

test("a coordinator's templates are added, listed, shown, used and removed by commands", async () => {
  await using site = await Site.open();
  const { flags } = await site.coordinator();
  const unknown = await assay("generate", "--model", "no-such", ...flags);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringMatching(/error unknown_model: /)]);
  const alone = await assay("templates", "list", "--data-dir", site.path("none"), "--json");
  expect(JSON.parse(alone.stdout)).toMatchObject({
    templates: [{ name: "assay/benchmark", version: null }, { name: "assay/generation" }, { name: "assay/test" }],
  });
  const file = site.path("own.yaml");
  const text = "name: own\nextends: assay/test\nparameters:\n  batch_sizes: { default: [2, 3] }\n";
  await writeFile(file, text.replace("[2, 3]", "[two]"));
  const bad = await assay("templates", "add", file, ...flags);
  expect([bad.code, bad.stderr]).toEqual([
    2,
    expect.stringMatching(/bad_parameter: parameter batch_sizes must be a whole number/),
  ]);
  await writeFile(file, text);
  expect((await assay("templates", "add", file, ...flags)).stdout).toBe("template own version 1\n");
  await writeFile(file, `${text}description: newer\n`);
  expect((await assay("templates", "add", file, ...flags)).stdout).toBe("template own version 2\n");
  expect((await assay("templates", "list", ...flags)).stdout).toMatch(/own +2 +assay\/test +\S+ +newer/);
  const shown = await assay("templates", "show", "own", "--version", "1", ...flags);
  expect(shown.stdout).toMatch(/^name: own\n[^]*#   batch_sizes: list of integer; default 2,3; from 1; up to 65536\n/);
  expect(shown.stdout).not.toMatch(/newer/);
  const made = await assay(
    "generate",
    "--model",
    "tiny-vit",
    "--template",
    "own",
    "--emit",
    "suite",
    "--out",
    site.folder,
    ...flags,
  );
  expect(made.code).toBe(0);
  expect(await readFile(site.path("own.suite.yaml"), "utf8")).toMatch(/batch_sizes:\n +- 2\n +- 3\n/);
  expect((await assay("templates", "remove", "own", ...flags)).stdout).toBe("removed own\n");
  expect((await assay("templates", "show", "own", ...flags)).stderr).toMatch(/unknown_template/);
});
