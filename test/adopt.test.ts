import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { assay, Site } from "./support/assay-process.ts";

const FILES: Readonly<Record<string, string>> = {
  "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--strict-markers -W error"\npythonpath = ["lib"]\n',
  "lib/torch.py": "class cuda:\n    is_available = staticmethod(lambda: False)\n",
  "tests/test_m\u00f6del.py": `"""Of models."""
from __future__ import annotations

import torch
import unittest


@unittest.skipUnless(torch.cuda.is_available(), "no GPU")
class TestGpu(unittest.TestCase):
    def test_one(self): pass
    def test_two(self): pass

def test_cpu(): pass
`.replaceAll("\n", "\r\n"),
  "tests/test_param.py": `#!/usr/bin/env python3
import pytest
import torch
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_device(device): pass
@needs_gpu
def test_all(): raise OSError("it would have run")
`,
  "web/package.json": '{"scripts": {"test": "vitest"}, "type": "module"}',
  "web/gpu.test.js": `import { expect, it } from "vitest";
it.skipIf(globalThis.navigator?.gpu === undefined)("draws", () => {});
it("counts", () => expect(1).toBe(1));
`,
  "node/package.json": '{"scripts": {"test": "node --test"}}',
  "node/words.test.mjs":
    'import { test } from "node:test";\ntest("a word", () => {});\ntest("is wrong", () => { throw new Error("no"); });\n',
};

interface Adopted {
  files: { path: string; created: boolean }[];
  diff: string;
  verified: null | {
    tests: number;
    differences: { id: string; before: string; after: string }[];
    flaky: { id: string }[];
  };
  written: boolean;
}

async function projectIn(site: Site, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = site.path("project");
  for (const [path, text] of Object.entries({ ...FILES, ...more })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await symlink(join(import.meta.dirname, "../node_modules"), join(folder, "web/node_modules"));
  return folder;
}

/** Every file with its content, but what the frameworks leave behind. */
async function tree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((one) => one.isFile() && !/__pycache__|\.pytest_cache/.test(one.parentPath));
  const paths = files.map((one) => join(one.parentPath, one.name)).toSorted();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, "latin1")])));
}

async function adopt(
  ...args: string[]
): Promise<Adopted & { code: number | null; error?: { code: string; file?: string } }> {
  const { code, stdout, stderr } = await assay("adopt", "--json", ...args);
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Adopted), code };
}

test("files of a project carry what they need, with the same tests and outcomes, once, and come back as they were", async () => {
  await using site = await Site.open();
  const once = JSON.stringify(site.path("seen"));
  const onceInNode = JSON.stringify(site.path("seen-in-node"));
  const flaky = `import os
def test_flaky():
    if not os.path.exists(${once}):
        open(${once}, "w").close()
        assert 0
`;
  const folder = await projectIn(site, {
    "tests/test_flaky.py": flaky,
    "node/flaky.test.mjs": `import { test } from "node:test";
import { existsSync, writeFileSync } from "node:fs";
test("fails once", () => {
  if (existsSync(${onceInNode})) return;
  writeFileSync(${onceInNode}, "");
  throw new Error("once");
});
`,
    "tests/test_base.py": "import torch\nclass TestBase:\n    def test_gpu(self): torch.ones(1).cuda()\n",
    "tests/test_derived.py": "import test_base\nclass TestDerived(test_base.TestBase): pass\n",
  });
  const before = await tree(folder);
  const dry = await adopt(folder, "--dry-run");
  expect([dry.code, dry.written, dry.verified]).toEqual([0, false, null]);
  expect(await tree(folder)).toEqual(before);
  expect(dry.files).toEqual([
    { path: "assay.yaml", created: true },
    { path: "pyproject.toml", created: false },
    { path: "tests/test_base.py", created: false },
    { path: "tests/test_m\u00f6del.py", created: false },
    { path: "tests/test_param.py", created: false },
  ]);
  const added = dry.diff
    .split("\n")
    .filter((line) => /^\+(?!\+\+)/.test(line))
    .map((line) => line.slice(1));
  expect(added.filter((line) => /^(@|import|pytestmark)/.test(line))).toEqual([
    "import pytest",
    "import pytest\r",
    "@pytest.mark.gpu\r",
    "@pytest.mark.gpu",
  ]);
  expect(added.join("\n")).toContain(`  - framework: vitest
    directory: web
    overrides:
      # web/gpu.test.js:2  it.skipIf(globalThis.navigator?.gpu === undefined)("draws", () => {});
      - match: gpu.test.js > draws
        requirements:
          hardware: [webgpu]`);

  const adopted = await adopt(folder, "--verify");
  expect(adopted).toMatchObject({ code: 0, written: true, diff: dry.diff });
  expect(adopted.verified).toMatchObject({
    tests: 14,
    inherited: [{ id: "tests/test_derived.py::TestDerived::test_gpu" }],
    differences: [],
    flaky: [{ id: "tests/test_flaky.py::test_flaky" }, { id: "flaky.test.mjs > fails once" }],
  });
  const changed = await tree(folder);
  const again = await adopt(folder, "--verify");
  expect([again.code, again.files, again.written, again.verified]).toEqual([0, [], false, null]);
  expect(await tree(folder)).toEqual(changed);
  const { stdout } = await assay("discover", folder, "--json");
  const { suites } = JSON.parse(stdout) as {
    suites: { tests: { id: string; requirements: { hardware?: string[] } }[] }[];
  };
  const needs = suites.flatMap(({ tests }) => tests.filter(({ requirements }) => requirements.hardware !== undefined));
  expect(needs.map((one) => `${one.id}: ${one.requirements.hardware?.join()}`)).toEqual([
    "tests/test_base.py::TestBase::test_gpu: cuda,rocm",
    "tests/test_derived.py::TestDerived::test_gpu: cuda,rocm",
    "tests/test_m\u00f6del.py::TestGpu::test_one: cuda,rocm",
    "tests/test_m\u00f6del.py::TestGpu::test_two: cuda,rocm",
    "tests/test_param.py::test_device[cuda]: cuda,rocm",
    "tests/test_param.py::test_all: cuda,rocm",
    "gpu.test.js > draws: webgpu",
  ]);

  const edited = join(folder, "tests/test_param.py");
  await writeFile(edited, "# mine\n");
  const refused = await adopt(folder, "--undo");
  expect([refused.code, refused.error]).toMatchObject([2, { code: "adoption_edited", file: "tests/test_param.py" }]);
  expect(await tree(folder)).toEqual({ ...changed, [edited]: "# mine\n" });
  await writeFile(edited, changed[edited] ?? "", "latin1");
  expect((await adopt(folder, "--undo")).code).toBe(0);
  expect(await tree(folder)).toEqual(before);
});

test("nothing is written where an outcome would change, a file is read-only, or there are no tests", async () => {
  await using site = await Site.open();
  const folder = await projectIn(site, {
    "tests/test_itself.py": `import torch
import pathlib
def test_lines(): assert len(pathlib.Path(__file__).read_text().splitlines()) == 6
def test_gpu():
    x = torch.ones(1).cuda()
    assert x
`,
  });
  for (const part of ["web", "node"]) await rm(join(folder, part), { recursive: true });
  const before = await tree(folder);
  const verified = await adopt(folder, "--verify");
  expect(verified).toMatchObject({ code: 1, written: false, verified: { tests: 8, flaky: [] } });
  expect(verified.verified?.differences).toEqual([
    { framework: "pytest", id: "tests/test_itself.py::test_lines", before: "passed", after: "failed" },
  ]);
  expect(await tree(folder)).toEqual(before);

  await chmod(join(folder, "pyproject.toml"), 0o444);
  const readOnly = await adopt(folder);
  expect([readOnly.code, readOnly.error]).toMatchObject([2, { code: "file_read_only", file: "pyproject.toml" }]);
  expect(await tree(folder)).toEqual(before);
  await cp(join(folder, "lib"), site.path("no-tests"), { recursive: true });
  for (const none of [site.path("no-tests"), site.path("gone"), join(folder, "pyproject.toml")]) {
    expect(await adopt(none)).toMatchObject({ code: 5, error: { code: "no_tests_found" } });
  }
  expect(await adopt(folder, "--undo")).toMatchObject({ code: 2, error: { code: "not_found" } });
});
