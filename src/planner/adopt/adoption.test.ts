import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { project } from "../../contracts/index.ts";
import type { ProjectSuite } from "../../contracts/index.ts";
import { frameworks, PlainStarter } from "../../frameworks/index.ts";
import type { Discovery, Framework } from "../../frameworks/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import { loadProject } from "../tests/project-file.ts";
import { withNeeds } from "../tests/test-needs.ts";
import { ADOPTION_FILE, applyAdoption, undoAdoption } from "./adoption-record.ts";
import type { FileChange } from "./pending-files.ts";
import { planAdoption } from "./plan-adoption.ts";
import type { AdoptedSuite } from "./suite-overrides.ts";
import { unifiedDiff } from "./unified-diff.ts";

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "assay-adopted-")));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** Every file with its bytes, but what frameworks leave behind. */
async function tree(): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((one) => one.isFile() && !/__pycache__|\.pytest_cache/.test(one.parentPath));
  const paths = files.map((one) => join(one.parentPath, one.name).slice(root.length + 1)).toSorted();
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), "latin1")])),
  );
}

function frameworkOf(name: ProjectSuite["framework"]): Framework {
  const found = frameworks.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** A suite with tests that its framework named, or that are given. */
async function suiteWith(
  suite: ProjectSuite,
  findings: readonly NeedFinding[],
  ids?: readonly string[],
): Promise<AdoptedSuite> {
  const framework = frameworkOf(suite.framework);
  const place = {
    folder: join(root, suite.directory),
    arguments: suite.arguments,
    starter: new PlainStarter({ ...process.env, PYTHONDONTWRITEBYTECODE: "1" }),
    scratch: root,
    signal: new AbortController().signal,
  };
  const given: Discovery = {
    framework: suite.framework,
    version: null,
    problems: [],
    tests: (ids ?? []).map((id) => ({ id, file: id.split(" > ")[0] ?? "", tags: [] })),
  };
  return { suite, framework, findings, place, discovery: ids === undefined ? await framework.discover(place) : given };
}

function finding(
  scope: string,
  needs: NeedFinding["needs"],
  more: Partial<NeedFinding> & { text?: string; line?: number } = {},
): NeedFinding {
  const file = scope.split(/::| > /)[0] ?? "";
  const { text = "torch.cuda.is_available()", line = 1, ...rest } = more;
  return {
    scope: scope === file ? { file } : { file, testId: scope },
    needs,
    evidence: { file, line, text },
    confidence: "certain",
    kind: "call",
    ...rest,
  };
}

const GPU: NeedFinding["needs"] = { requirements: { hardware: ["cuda", "rocm"] } };
const WEBGPU: NeedFinding["needs"] = { requirements: { hardware: ["webgpu"] } };

const MODEL = `import pytest

@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_device(device): pass

@pytest.mark.parametrize("n", [1, 2])
def test_both(n): pass

class TestAll:
    def test_one(self): pass
    def test_two(self): pass

class TestSome:
    def test_one(self): pass
    def test_other(self): pass

class TestBase:
    def test_inherited(self): pass

@pytest.mark.big
def test_big(): pass
`;
const id = (name: string): string => `tests/test_m\u00f6del.py::${name}`;
const MODEL_FINDINGS = [
  finding(id("test_device[cuda]"), GPU, { line: 3 }),
  ...["test_both[1]", "test_both[2]", "TestAll::test_one", "TestAll::test_two", "TestSome::test_one"].map((name) =>
    finding(id(name), GPU, { line: 7 }),
  ),
  finding(id("TestSome::test_other"), GPU, { confidence: "possible", line: 15, text: "\u202Emaybe\n" }),
  finding(
    id("test_big"),
    { requirements: { min_memory_gb: 16, software: ["torch"] } },
    { kind: "marker", text: "@pytest.mark.big", line: 20 },
  ),
  finding("tests/test_whole.py", WEBGPU, { text: "navigator.gpu" }),
  finding("tests/test_broken.py", GPU),
  finding("tests/test_absent.py", GPU),
];

describe("adoption of a project", () => {
  test("marks what a marker can tell, names the rest, keeps what is said, and can be taken back", async () => {
    await write({
      "pyproject.toml":
        '[tool.pytest.ini_options]\r\naddopts = "--strict-markers -p no:cacheprovider"\r\nmarkers = ["big: large"]\r\n',
      "tests/test_m\u00f6del.py": MODEL,
      "tests/test_derived.py": "from test_m\u00f6del import TestBase as Base\nclass TestDerived(Base): pass\n",
      "tests/test_whole.py": Buffer.from("def test_a(): pass\r\ndef test_b(): pass"),
      "tests/test_broken.py": "def test_a(:\n",
      "elsewhere.py": "def test_linked(): pass\n",
      "web/a.test.js": "",
      "tests/test_absent.py": "import pytest\npytest.skip('no GPU', allow_module_level=True)\ndef test_never(): pass\n",
    });
    await symlink("../elsewhere.py", join(root, "tests/test_link.py"));
    const before = await tree();
    const [found, web] = project.parse({
      suites: [{ framework: "pytest" }, { framework: "node-test", directory: "web" }],
    }).suites;
    if (found === undefined || web === undefined) throw new Error("no suites");
    const webFindings = [finding("a.test.js > deep > one", WEBGPU), finding("b.test.js", WEBGPU)];
    const webIds = ["a.test.js > deep > one", "a.test.js > two", "b.test.js > one", "b.test.js > two"];
    const findings = [
      ...MODEL_FINDINGS,
      finding("tests/test_derived.py::TestDerived::test_inherited", GPU),
      finding("tests/test_link.py::test_linked", GPU),
    ];
    const suites = [await suiteWith(found, findings), await suiteWith(web, webFindings, webIds)];
    const adoption = await planAdoption(root, await loadProject(root), suites);
    expect(await tree()).toEqual(before);
    expect(adoption.leftAlone.map(({ file, reason }) => [file, reason])).toEqual([
      ["tests/test_broken.py", expect.stringMatching(/^pytest cannot read it: SyntaxError: /)],
      ["tests/test_link.py", "no marker for test_linked: it is a link"],
      ["tests/test_derived.py", "no marker for TestDerived::test_inherited: there is no place for a marker in it"],
    ]);
    expect(adoption.possible).toMatchObject([{ place: "tests/test_m\u00f6del.py:15" }]);
    expect(unifiedDiff(adoption.changes)).toMatchInlineSnapshot(`
      "--- /dev/null
      +++ b/assay.yaml
      @@ -0,0 +1,38 @@
      +# Which tests this project has and what they need. Assay reads it; whoever knows better may change it: what stands here is kept.
      +suites:
      +  - framework: pytest
      +    directory: .
      +    overrides:
      +      # tests/test_mödel.py:8  torch.cuda.is_available()
      +      - tag: gpu
      +        requirements:
      +          hardware: [cuda, rocm]
      +      # tests/test_absent.py:1  torch.cuda.is_available()
      +      # tests/test_mödel.py:3  torch.cuda.is_available()
      +      # tests/test_derived.py:1  torch.cuda.is_available()
      +      # tests/test_link.py:1  torch.cuda.is_available()
      +      - match:
      +          - tests/test_absent.py
      +          - tests/test_mödel.py::test_device[cuda]
      +          - tests/test_derived.py
      +          - tests/test_link.py
      +        requirements:
      +          hardware: [cuda, rocm]
      +      # tests/test_mödel.py:23  @pytest.mark.big
      +      - tag: big
      +        requirements:
      +          min_memory_gb: 16
      +      # tests/test_whole.py:6  navigator.gpu
      +      - tag: webgpu
      +        requirements:
      +          hardware: [webgpu]
      +  - framework: node-test
      +    directory: web
      +    overrides:
      +      # web/a.test.js:1  torch.cuda.is_available()
      +      # web/b.test.js:1  torch.cuda.is_available()
      +      - match:
      +          - a.test.js > deep > one
      +          - b.test.js
      +        requirements:
      +          hardware: [webgpu]
      --- a/pyproject.toml
      +++ b/pyproject.toml
      @@ -1,3 +1,3 @@
       [tool.pytest.ini_options]
       addopts = "--strict-markers -p no:cacheprovider"
      -markers = ["big: large"]
      +markers = ["big: large", "gpu: needs hardware cuda or rocm", "webgpu: needs hardware webgpu"]
      --- "a/tests/test_m\\303\\266del.py"
      +++ "b/tests/test_m\\303\\266del.py"
      @@ -3,14 +3,17 @@
       @pytest.mark.parametrize("device", ["cpu", "cuda"])
       def test_device(device): pass
       
      +@pytest.mark.gpu
       @pytest.mark.parametrize("n", [1, 2])
       def test_both(n): pass
       
      +@pytest.mark.gpu
       class TestAll:
           def test_one(self): pass
           def test_two(self): pass
       
       class TestSome:
      +    @pytest.mark.gpu
           def test_one(self): pass
           def test_other(self): pass
       
      --- a/tests/test_whole.py
      +++ b/tests/test_whole.py
      @@ -1,2 +1,7 @@
      +import pytest
      +
      +pytestmark = pytest.mark.webgpu
      +
      +
       def test_a(): pass
       def test_b(): pass
      \\ No newline at end of file
      "
    `);

    await applyAdoption(root, adoption.changes, "2026-01-01T00:00:00Z");
    const loaded = await loadProject(root);
    const [python, node] = loaded.suites;
    if (python === undefined || node === undefined) throw new Error("no suites");
    const again = [await suiteWith(python, findings), await suiteWith(node, webFindings, webIds)];
    expect((await planAdoption(root, loaded, again)).changes).toEqual([]);
    const needs = again.map(({ suite, discovery }) =>
      withNeeds(suite, discovery.tests).flatMap((one) => {
        const { hardware = [], min_memory_gb: memory } = one.needs.requirements;
        return hardware.length > 0 || memory !== undefined
          ? [`${one.test.id.replace(/^.*?(::| > )/, "")}: ${hardware.join()}${memory ?? ""}`]
          : [];
      }),
    );
    expect(needs).toEqual([
      [
        "tests/test_absent.py: cuda,rocm",
        "TestDerived::test_inherited: cuda,rocm",
        "test_linked: cuda,rocm",
        "test_device[cuda]: cuda,rocm",
        "test_both[1]: cuda,rocm",
        "test_both[2]: cuda,rocm",
        "TestAll::test_one: cuda,rocm",
        "TestAll::test_two: cuda,rocm",
        "TestSome::test_one: cuda,rocm",
        "test_big: 16",
        "test_a: webgpu",
        "test_b: webgpu",
      ],
      ["deep > one: webgpu", "one: webgpu", "two: webgpu"],
    ]);
    expect(await undoAdoption(root)).toEqual(adoption.changes.map(({ path }) => path));
    expect(await tree()).toEqual(before);
  });

  test("adds to an assay.yaml only what it does not say, and marks more tests where a marker has that need", async () => {
    await write({
      "pytest.ini": "[pytest]\nmarkers =\n    gpu: mine\n",
      "test_a.py":
        "import pytest\n@pytest.mark.gpu\ndef test_marked(): pass\ndef test_new(): pass\ndef test_cpu(): pass\n",
      "assay.yaml":
        "suites:\n  - framework: pytest\n    overrides:\n      - { tag: gpu, requirements: { hardware: [cuda] }, serial: device }\n      - match: '*::test_cpu'\n        requirements: { hardware: [cpu] }\n",
    });
    const loaded = await loadProject(root);
    const [suite] = loaded.suites;
    if (suite === undefined) throw new Error("no suite");
    const findings = ["test_marked", "test_new", "test_cpu"].map((name) => finding(`test_a.py::${name}`, GPU));
    const { changes } = await planAdoption(root, loaded, [await suiteWith(suite, findings)]);
    expect(
      unifiedDiff(changes)
        .split("\n")
        .filter((line) => /^[+-]/.test(line)),
    ).toEqual(["--- a/test_a.py", "+++ b/test_a.py", "+@pytest.mark.gpu"]);
  });
});

describe("what is written", () => {
  test("comes back byte by byte, whatever the files hold and however often they are adopted", async () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one));
    const names = fc.constantFrom("a.py", "deep/b \u{1F600}.py", "assay.yaml");
    const steps = fc.array(fc.dictionary(names, bytes, { minKeys: 1, maxKeys: 3 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, bytes), steps, async (start, adoptions) => {
        await rm(root, { recursive: true });
        await mkdir(join(root, "deep"), { recursive: true });
        await write(start);
        const states = [await tree()];
        for (const files of adoptions) {
          await applyAdoption(root, await changesTo(files), "now");
          expect(await tree()).toMatchObject(latin1(files));
          states.push(await withoutRecord());
        }
        for (const state of states.slice(0, -1).toReversed()) {
          await undoAdoption(root);
          expect(await withoutRecord()).toEqual(state);
        }
        expect(await tree()).toEqual(states[0]);
        await expect(undoAdoption(root)).rejects.toMatchObject({ code: "not_found" });
      }),
      { numRuns: 25 },
    );
  });

  test("is refused, by name and with nothing done, where files were edited or are read-only", async () => {
    await write({ "a.py": "a", "b.py": "b", "c.py": "c" });
    await chmod(join(root, "a.py"), 0o640);
    await applyAdoption(
      root,
      await changesTo({ "a.py": Buffer.from("A"), "b.py": Buffer.from("B"), "new.py": Buffer.from("N") }),
      "now",
    );
    expect((await stat(join(root, "a.py"))).mode & 0o777).toBe(0o640);
    await write({ "b.py": "mine" });
    await rm(join(root, "new.py"));
    const edited = await undoAdoption(root).catch((error: unknown) => error);
    expect(edited).toMatchObject({ code: "adoption_edited", details: { file: "b.py", others: [{ file: "new.py" }] } });
    expect(await tree()).toMatchObject({ "a.py": "A", "b.py": "mine" });

    await chmod(join(root, "c.py"), 0o444);
    const readOnly = applyAdoption(
      root,
      await changesTo({ "a.py": Buffer.from("2"), "c.py": Buffer.from("2") }),
      "now",
    );
    await expect(readOnly).rejects.toMatchObject({ code: "file_read_only", details: { file: "c.py" } });
    const stale = [{ path: "a.py", before: Buffer.from("other"), after: Buffer.from("2") }];
    await expect(applyAdoption(root, stale, "now")).rejects.toMatchObject({ code: "adoption_edited" });
    await chmod(join(root, "c.py"), 0o644);
    await mkdir(join(root, ".c.py.assay-new"));
    const before = await tree();
    const halfway = applyAdoption(root, await changesTo({ "a.py": Buffer.from("2"), "c.py": Buffer.from("2") }), "now");
    await expect(halfway).rejects.toMatchObject({ code: "EISDIR" });
    expect(await tree()).toEqual(before);
    await write({ [ADOPTION_FILE]: "{" });
    await expect(undoAdoption(root)).rejects.toMatchObject({ code: "invalid_field" });
  });
});

async function changesTo(files: Readonly<Record<string, Buffer>>): Promise<FileChange[]> {
  return Promise.all(
    Object.entries(files).map(async ([path, after]) => {
      return { path, before: await readFile(join(root, path)).catch(() => null), after };
    }),
  );
}

function latin1(files: Readonly<Record<string, Buffer>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [path, content.toString("latin1")]));
}

async function withoutRecord(): Promise<Record<string, string>> {
  return Object.fromEntries(Object.entries(await tree()).filter(([path]) => !path.startsWith(".assay/")));
}
