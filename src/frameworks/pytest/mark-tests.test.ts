import { describe, expect, test } from "vitest";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { pythonHas, scratchProject } from "../framework-acceptance.ts";
import type { ScratchProject } from "../framework-acceptance.ts";
import type { MarkWish, ProjectFiles } from "../framework.ts";
import { markerSettings, withMarkers } from "./marker-settings.ts";
import { pytest } from "./pytest-framework.ts";

/** Files of which `test_a` (in `TestA` where there is one) is marked, or all tests; and what they are to look like. */
const SHAPES: Readonly<Record<string, { names: readonly string[]; before: string; after: string }>> = {
  function: {
    names: ["test_a"],
    before: "import pytest\n\ndef test_a(): pass\ndef test_b(): pass\n",
    after: "import pytest\n\n@pytest.mark.gpu\ndef test_a(): pass\ndef test_b(): pass\n",
  },
  decorated: {
    names: ["test_a"],
    before: 'import pytest\n@pytest.mark.parametrize(\n    "x",\n    [1, 2],\n)\nasync def test_a(x): pass\n',
    after:
      'import pytest\n@pytest.mark.gpu\n@pytest.mark.parametrize(\n    "x",\n    [1, 2],\n)\nasync def test_a(x): pass\n',
  },
  method: {
    names: ["TestA", "test_a"],
    before: "import pytest\nclass TestA:\n\t@pytest.mark.skip\n\tdef test_a(self): pass\n",
    after: "import pytest\nclass TestA:\n\t@pytest.mark.gpu\n\t@pytest.mark.skip\n\tdef test_a(self): pass\n",
  },
  class: {
    names: ["TestA"],
    before: "from pytest import mark as m\nimport unittest\nclass TestA(unittest.TestCase):\n  def test_a(self): pass",
    after:
      "from pytest import mark as m\nimport unittest\n@m.gpu\nclass TestA(unittest.TestCase):\n  def test_a(self): pass",
  },
  no_import: {
    names: ["test_a"],
    before: '#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n"""\u00e9"""\n\nX = 1\ndef test_a(): pass\n',
    after:
      '#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n"""\u00e9"""\n\nimport pytest\n\nX = 1\n@pytest.mark.gpu\ndef test_a(): pass\n',
  },
  future: {
    names: [],
    before: '"""Doc."""\nfrom __future__ import annotations\nimport os\n\ndef test_a(): pass\n',
    after:
      '"""Doc."""\nfrom __future__ import annotations\nimport pytest\nimport os\n\npytestmark = pytest.mark.gpu\n\ndef test_a(): pass\n',
  },
  nothing: {
    names: [],
    before: "# Of the first test.\ndef test_a(): pass\n",
    after: "# Of the first test.\nimport pytest\n\npytestmark = pytest.mark.gpu\n\n\ndef test_a(): pass\n",
  },
  comment: {
    names: ["test_a"],
    before: "# License\n\n# Of the first test.\ndef test_a(): pass\n",
    after: "# License\n\nimport pytest\n\n\n# Of the first test.\n@pytest.mark.gpu\ndef test_a(): pass\n",
  },
  one_mark: {
    names: [],
    before: 'import pytest\npytestmark = pytest.mark.filterwarnings("ignore")  # all\ndef test_a(): pass\n',
    after:
      'import pytest\npytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.gpu]  # all\ndef test_a(): pass\n',
  },
  list: {
    names: [],
    before: "import pytest\npytestmark = [pytest.mark.xfail]\ndef test_a(): pass\n",
    after: "import pytest\npytestmark = [pytest.mark.gpu, pytest.mark.xfail]\ndef test_a(): pass\n",
  },
  long_list: {
    names: [],
    before: "import pytest\npytestmark = [\n    pytest.mark.xfail,\n]\ndef test_a(): pass\n",
    after: "import pytest\npytestmark = [\n    pytest.mark.gpu,\n    pytest.mark.xfail,\n]\ndef test_a(): pass\n",
  },
  condition: {
    names: ["test_a"],
    before: "import pytest\nif True:\n    def test_a(): pass\nelse:\n    def test_a(): pass\n",
    after:
      "import pytest\nif True:\n    @pytest.mark.gpu\n    def test_a(): pass\nelse:\n    @pytest.mark.gpu\n    def test_a(): pass\n",
  },
};
/** Encodings and line ends, each of every shape. */
const FORMS: Readonly<Record<string, (text: string) => Buffer>> = {
  unix: (text) => Buffer.from(text, text.includes("latin-1") ? "latin1" : "utf8"),
  windows: (text) => Buffer.from(text.replaceAll("\n", "\r\n"), text.includes("latin-1") ? "latin1" : "utf8"),
  bom: (text) => Buffer.from(`\uFEFF${text.replace("latin-1", "utf-8")}`),
};

/** What is written stays in memory until `save`. */
function pendingFiles(project: ScratchProject): ProjectFiles & { save(): Promise<void>; paths(): string[] } {
  const written = new Map<string, Buffer>();
  return {
    root: project.folder,
    read: async (path) => written.get(path) ?? (await readFile(path).catch(() => null)),
    objection: () => Promise.resolve(null),
    write: (path, content) => void written.set(path, content),
    save: async () => {
      for (const [path, content] of written) await writeFile(path, content);
    },
    paths: () => [...written.keys()],
  };
}

const meanings = new Map([["gpu", "needs hardware cuda or rocm"]]);

describe.skipIf(!pythonHas("pytest"))("markers of pytest", () => {
  test("stand where people put them, in files of any form, and change neither tests nor outcomes", async () => {
    await using project = await scratchProject({
      "pytest.ini": "[pytest]\naddopts = --strict-markers -W error\n",
      "test_broken.py": "def test_a(:\n",
      "test_strange.py": "import pytest\npytestmark = list(())\ndef test_a(): pass\n",
    });
    const files = Object.entries(SHAPES).flatMap(([shape, { names, before, after }]) =>
      Object.entries(FORMS).map(([form, encode]) => {
        return { file: `test_${shape}_${form}_\u00fc.py`, names, before: encode(before), after: encode(after) };
      }),
    );
    for (const { file, before } of files) await writeFile(join(project.folder, file), before);
    const args = ["--continue-on-collection-errors", "-p", "no:asyncio", "-o", "filterwarnings=ignore"];
    const before = await pytest.discover(project.place(...args));
    const own = await outcomes(project, args);

    const pending = pendingFiles(project);
    const wishes: MarkWish[] = [
      ...files.map(({ file, names }) => ({ file, names, tag: "gpu" })),
      { file: "test_broken.py", names: [], tag: "gpu" },
      { file: "test_strange.py", names: [], tag: "gpu" },
      { file: "test_strange.py", names: ["TestGone", "test_a"], tag: "gpu" },
    ];
    const unmet = await pytest.mark?.(project.place(), { files: pending, version: before.version, wishes, meanings });
    expect(unmet?.map(({ wish: { file, names }, reason }) => [file, names.length, reason])).toEqual([
      ["test_broken.py", 0, expect.stringMatching(/^line 1: /)],
      ["test_strange.py", 0, "there is no place for a marker in it"],
      ["test_strange.py", 2, "there is no place for a marker in it"],
    ]);
    await pending.save();
    for (const { file, after } of files) {
      expect([file, (await readFile(join(project.folder, file))).toString("latin1")]).toEqual([
        file,
        after.toString("latin1"),
      ]);
    }

    const after = await pytest.discover(project.place(...args));
    expect(after.tests.map(({ id }) => id)).toEqual(before.tests.map(({ id }) => id));
    expect(after.problems.length).toBe(before.problems.length);
    const marked = after.tests.filter(({ tags }) => tags.includes("gpu")).map(({ id }) => id);
    expect(marked).toEqual(
      before.tests.map(({ id }) => id).filter((id) => /test_a/.test(id) && !/test_strange/.test(id)),
    );
    expect(await outcomes(project, args)).toEqual(own);

    const again = pendingFiles(project);
    await pytest.mark?.(project.place(), { files: again, version: before.version, wishes, meanings });
    expect(again.paths()).toEqual([]);
  });

  test.each(Object.entries(settingsFiles()))(
    "are registered in %s, and pytest reads them",
    async (_name, { file, before, after }) => {
      await using project = await scratchProject(before === null ? { "conftest.py": "" } : { [file]: before });
      const pending = pendingFiles(project);
      await writeFile(join(project.folder, "test_a.py"), "def test_a(): pass\n");
      const wishes = [{ file: "test_a.py", names: ["test_a"], tag: "gpu" }];
      const { version } = await pytest.discover(project.place());
      expect(await pytest.mark?.(project.place(), { files: pending, version, wishes, meanings })).toEqual([]);
      await pending.save();
      expect(await readFile(join(project.folder, file), "utf8")).toBe(after);
      const told = await promisify(execFile)("python3", ["-m", "pytest", "--markers"], { cwd: project.folder });
      expect(told.stdout).toContain("@pytest.mark.gpu: needs hardware cuda or rocm\n");
      const settings = {
        path: "",
        form: file.endsWith("toml") ? "toml" : "ini",
        section: sectionOf(file, after),
      } as const;
      expect(withMarkers(after, settings, [{ name: "gpu", meaning: "again" }])).toBe(after);
    },
  );

  test("are left out where they would have to be registered above the project, or in another form", async () => {
    await using project = await scratchProject({ "below/conftest.py": "", "below/test_a.py": "", "setup.py": "" });
    const pending = pendingFiles(project);
    const folder = join(project.folder, "below");
    expect(await markerSettings(pending, { folder, version: "9.0" })).toBeNull();
    expect(withMarkers("[tool]\npytest.ini_options.markers = []\n", TOML, [GPU])).toBeNull();
    expect(withMarkers('[tool.pytest.ini_options]\nmarkers = """\nslow\n"""\n', TOML, [GPU])).toBeNull();
    const place = { ...project.place("-c", "other.ini"), folder };
    const wishes = [{ file: "test_a.py", names: [], tag: "gpu" }];
    const unmet = await pytest.mark?.(place, { files: pending, version: null, wishes, meanings });
    expect(unmet?.map(({ reason }) => reason)).toEqual(["its arguments name other settings"]);
  });

  test("are left out where the project chooses its tests by them, and not where it only registers them", async () => {
    await using project = await scratchProject({
      "pytest.ini": "[pytest]\naddopts =\n    -q -m 'not slow'\n",
      "a/conftest.py": "def pytest_configure(config):\n    config.addinivalue_line('markers', 'gpu: mine')\n",
      "b/conftest.py":
        "def pytest_collection_modifyitems(items):\n    [item for item in items if 'big' in item.keywords]\n",
      "a/deep/test_a.py": "def test_a(): pass\n",
      "b/test_b.py": "def test_b(): pass\n",
    });
    const pending = pendingFiles(project);
    const wishes = ["gpu", "slow", "big"].flatMap((tag) =>
      ["a/deep/test_a.py", "b/test_b.py"].map((file) => ({ file, names: [], tag })),
    );
    const unmet = await pytest.mark?.(project.place(), { files: pending, version: null, wishes, meanings });
    expect(unmet?.map(({ wish: { file, tag }, reason }) => [file, tag, reason])).toEqual([
      ["a/deep/test_a.py", "slow", "-m chooses tests by the marker slow"],
      ["b/test_b.py", "slow", "-m chooses tests by the marker slow"],
      ["a/deep/test_a.py", "big", "b/conftest.py chooses tests by the marker big"],
      ["b/test_b.py", "big", "b/conftest.py chooses tests by the marker big"],
    ]);
    expect(pending.paths().map((path) => path.slice(project.folder.length + 1))).toEqual([
      "a/deep/test_a.py",
      "b/test_b.py",
      "pytest.ini",
    ]);
  });
});

const TOML = { form: "toml", section: "tool.pytest.ini_options" } as const;
const GPU = { name: "gpu", meaning: "needs a GPU" };

function sectionOf(file: string, text: string): string {
  return /^\[(tool[.:]pytest(\.ini_options)?|pytest)\]$/m.exec(text.replaceAll("\r", ""))?.[1] ?? file;
}

function settingsFiles(): Record<string, { file: string; before: string | null; after: string }> {
  const line = "gpu: needs hardware cuda or rocm";
  return {
    "a new file": { file: "pytest.ini", before: null, after: `[pytest]\nmarkers =\n    ${line}\n` },
    "pytest.ini with markers": {
      file: "pytest.ini",
      before: "[pytest]\r\nmarkers = slow: x\r\n  big: y\r\n  ; old\r\n\r\n# last\r\naddopts = -q",
      after: `[pytest]\r\nmarkers = slow: x\r\n  big: y\r\n  ${line}\r\n  ; old\r\n\r\n# last\r\naddopts = -q`,
    },
    "an empty .pytest.ini": { file: ".pytest.ini", before: "", after: `[pytest]\nmarkers =\n    ${line}\n` },
    "setup.cfg": {
      file: "setup.cfg",
      before: "[metadata]\nname = a\n[tool:pytest]\naddopts = -q\n\n[other]\nx = 1\n",
      after: `[metadata]\nname = a\n[tool:pytest]\naddopts = -q\nmarkers =\n    ${line}\n\n[other]\nx = 1\n`,
    },
    "tox.ini": { file: "tox.ini", before: "[pytest]", after: `[pytest]\nmarkers =\n    ${line}` },
    "pyproject.toml with a list in lines": {
      file: "pyproject.toml",
      before: '[tool.pytest.ini_options]\nmarkers = [\n  "slow: ]x",  # why\n]\n\n# of ruff\n[tool.ruff]\n',
      after: `[tool.pytest.ini_options]\nmarkers = [\n  "slow: ]x",  # why\n  "${line}",\n]\n\n# of ruff\n[tool.ruff]\n`,
    },
    "pyproject.toml with a list in lines without the last comma": {
      file: "pyproject.toml",
      before: "[tool.pytest.ini_options]\nmarkers = [\n  'slow: x'\n]\n",
      after: `[tool.pytest.ini_options]\nmarkers = [\n  'slow: x',\n  "${line}"\n]\n`,
    },
    "pyproject.toml with a list in a line": {
      file: "pyproject.toml",
      before: '[tool.pytest.ini_options]\nmarkers = ["slow: x"]\n',
      after: `[tool.pytest.ini_options]\nmarkers = ["slow: x", "${line}"]\n`,
    },
    "pyproject.toml with an empty list": {
      file: "pyproject.toml",
      before: '[tool.pytest.ini_options]\nmarkers = []\naddopts = "-q"\n',
      after: `[tool.pytest.ini_options]\nmarkers = ["${line}"]\naddopts = "-q"\n`,
    },
    "pyproject.toml with other settings": {
      file: "pyproject.toml",
      before: '[tool.pytest.ini_options]\naddopts = "-q"\n\n# of ruff\n[tool.ruff]\n',
      after: `[tool.pytest.ini_options]\naddopts = "-q"\nmarkers = [\n    "${line}",\n]\n\n# of ruff\n[tool.ruff]\n`,
    },
    "pyproject.toml without settings of pytest": {
      file: "pyproject.toml",
      before: '[project]\nname = "a"\n',
      after: `[project]\nname = "a"\n\n[tool.pytest.ini_options]\nmarkers = [\n    "${line}",\n]\n`,
    },
  };
}

async function outcomes({ folder }: ScratchProject, args: readonly string[]): Promise<string[]> {
  const command = ["-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", ...args];
  const run = promisify(execFile)("python3", command, { cwd: folder });
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  return stdout
    .split("\n")
    .filter((line) => /^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) /.test(line))
    .map((line) => line.replace(/:\d+:/, ":"))
    .toSorted();
}
