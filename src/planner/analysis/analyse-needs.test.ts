import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project } from "../../contracts/index.ts";
import { PlainStarter } from "../../frameworks/index.ts";
import type { DiscoveredTest } from "../../frameworks/index.ts";
import { withNeeds } from "../tests/test-needs.ts";
import { analyseNeeds } from "./analyse-needs.ts";
import { withFound } from "./found-needs.ts";
import type { NeedFinding } from "./need-finding.ts";

const PYTHON = `import pytest
import torch
import unittest
try:
    import jax
    HAS_JAX = True
except ImportError:
    HAS_JAX = False

HAS_CUDA = torch.cuda.is_available()
requires_cuda = pytest.mark.skipif(not HAS_CUDA, reason="no GPU")

@requires_cuda
def test_named():
    torch.ones(1).to("cuda:0")

@pytest.mark.skipif("not torch.backends.mps.is_available()", reason="as a text")
def test_text(): ...

@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=requires_cuda)])
def test_device(device): ...

@pytest.mark.skipif(not HAS_JAX or torch.cuda.device_count() < 2, reason="both")
def test_both(): ...

@pytest.mark.skipif(not torch.cuda.is_available() and not torch.backends.mps.is_available(), reason="none of both")
def test_either(): ...

def test_in_body():
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("too old")

def test_falls_back():
    device = "cuda" if torch.cuda.is_available() else "cpu"

@pytest.mark.slow
@pytest.mark.min_memory_gb(16)
def test_marked(): ...

class TestTorch(unittest.TestCase):
    def setUp(self):
        if not torch.xpu.is_available():
            self.skipTest("no XPU")
    @unittest.skipUnless(torch.cuda.is_available(), "no GPU")
    def test_method(self): ...
    def test_plain(self):
        self.model.cuda()

@pytest.mark.skipif(torch.cuda.is_available(), reason="only where there is none")
def test_without(): ...

try:
    import torch.xpu
    HAS_XPU = torch.xpu.is_available()
except ImportError:
    HAS_XPU = False
@pytest.mark.skipif(not HAS_XPU, reason="asked in a try")
def test_try(): ...

def test_inner():
    def inner():
        if not torch.cuda.is_available():
            pytest.skip("nobody calls it")
    if inner is None:
        return
    if not torch.cuda.is_available():
        pytest.skip("not always come by")
`;
const SCRIPT = `import { describe, it } from "vitest";
import ort from "onnxruntime-node";
const hasGpu = typeof navigator !== "undefined" && Boolean(navigator.gpu);
const itGpu = hasGpu ? it : it.skip;
describe("shaders", () => {
  itGpu("compile", () => {});
  it.skipIf(!("ml" in navigator))("learn", () => {});
  it("ask", async () => { await navigator.gpu.requestAdapter(); });
  it("leave", (t) => { if (!navigator.gpu) { t.skip(); return; } });
  it.each([1, 2])("add %i", () => { use("webgpu"); });
  it("stay", () => { const inner = (t) => { if (!navigator.gpu) { t.skip(); } }; });
});
describe("hooked", () => {
  beforeEach(({ skip }) => { if (!navigator.ml) { ctx.skip(); } });
  it("all", () => {});
});
[1].forEach((n) => { it.skipIf(!navigator.gpu)("looped", () => {}); });
function helper(t) { if (!navigator.gpu) { t.skip(); } }
`;
const FILES: Readonly<Record<string, string>> = {
  "tests/test_gpu.py": PYTHON,
  "tests/test_broken.py": "def test_a(:\n",
  "tests/test_optional.py": 'import pytest\ntorch = pytest.importorskip("torch")\ndef test_a(): ...\n',
  "gpu.test.ts": SCRIPT,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-needs-"));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
});
afterAll(() => rm(folder, { recursive: true }));

function asked(framework: "pytest" | "vitest" | "jest", ids: readonly string[]): Promise<NeedFinding[]> {
  return analyseNeeds(folder, {
    suite: { framework, directory: "." },
    tests: discovered(ids),
    starter: new PlainStarter(process.env),
  });
}

function discovered(ids: readonly string[]): DiscoveredTest[] {
  return ids.map((id) => ({ id, file: id.split(/::| > /)[0] ?? "", tags: [] }));
}

/** By test: how sure, what, and the line. */
function told(found: readonly NeedFinding[]): Record<string, string[]> {
  const by = Map.groupBy(found, ({ scope }) => scope.testId ?? scope.file);
  return Object.fromEntries(
    [...by].map(([id, all]) => [
      id.replace(/^.*(::| > )/, ""),
      all.map(({ confidence, needs: { requirements = {}, resources, labels }, evidence }) => {
        return `${confidence} ${JSON.stringify({ ...requirements, ...resources, ...labels })} ${evidence.line}`;
      }),
    ]),
  );
}

const python = (name: string): string => `tests/test_gpu.py::${name}`;
const PYTHON_TESTS = [
  ...["test_named", "test_text", "test_device[cpu]", "test_device[cuda]", "test_both", "test_either", "test_in_body"],
  ...[
    "test_falls_back",
    "test_marked",
    "TestTorch::test_method",
    "TestTorch::test_plain",
    "test_without",
    "test_try",
    "test_inner",
  ],
].map(python);

describe("what the text of tests says that they need", () => {
  test("in Python: skip conditions are certain, devices and markers likely, fallbacks possible", async () => {
    const found = await asked("pytest", PYTHON_TESTS);
    expect(told(found)).toEqual({
      "tests/test_gpu.py": ['likely {"software":["torch"]} 2', 'likely {"software":["jax"]} 5'],
      test_named: ['certain {"hardware":["cuda","rocm"]} 11'],
      test_text: ['certain {"hardware":["mps"]} 17'],
      "test_device[cuda]": ['certain {"hardware":["cuda","rocm"]} 11'],
      test_both: ['certain {"software":["jax"],"hardware":["cuda","rocm"],"gpu":2} 23'],
      test_either: ['certain {"hardware":["cuda","rocm","mps"]} 26'],
      test_in_body: ['certain {"hardware":["cuda"],"min_cuda_compute":8} 30'],
      test_falls_back: ['possible {"hardware":["cuda","rocm"]} 34'],
      test_marked: ['likely {"speed":"slow"} 36', 'likely {"min_memory_gb":16} 37'],
      test_method: ['certain {"hardware":["xpu"]} 42', 'certain {"hardware":["cuda","rocm"]} 44'],
      test_try: ['certain {"software":["torch"],"hardware":["xpu"]} 57'],
      test_plain: ['certain {"hardware":["xpu"]} 42', 'likely {"hardware":["cuda","rocm"]} 47'],
    });
    expect(found.find(({ scope }) => scope.testId === python("test_text"))?.evidence).toEqual({
      file: "tests/test_gpu.py",
      line: 17,
      text: '@pytest.mark.skipif("not torch.backends.mps.is_available()", reason="as a text")',
    });
  });

  test("in TypeScript, by the names of suites and tests", async () => {
    const names = ["compile", "learn", "ask", "leave", "add 1", "add 2", "stay"].map((name) => `shaders > ${name}`);
    const ids = [...names, "hooked > all", "looped"].map((name) => `gpu.test.ts > ${name}`);
    expect(told(await asked("vitest", ids))).toEqual({
      "gpu.test.ts": ['likely {"software":["onnxruntime-node"]} 2'],
      compile: ['certain {"hardware":["webgpu"]} 4'],
      learn: ['certain {"hardware":["webnn"]} 7'],
      ask: ['likely {"hardware":["webgpu"]} 8'],
      leave: ['certain {"hardware":["webgpu"]} 9'],
      "add 1": ['likely {"hardware":["webgpu"]} 10'],
      all: ['certain {"hardware":["webnn"]} 14'],
      looped: ['certain {"hardware":["webgpu"]} 17'],
      "add 2": ['likely {"hardware":["webgpu"]} 10'],
    });
    const byFile = await asked("jest", ["gpu.test.ts"]);
    expect(byFile.filter(({ confidence }) => confidence === "certain")).toEqual([]);
  });

  test("a file that cannot be parsed says nothing, and a module that must be there concerns all of a file", async () => {
    const found = await asked("pytest", ["tests/test_broken.py::test_a", "tests/test_optional.py::test_a"]);
    expect(told(found)).toEqual({ "tests/test_optional.py": ['certain {"software":["torch"]} 2'] });
  });
});

test("what is certain is asked for where somebody has it, and where the suite says nothing else", async () => {
  const found = await asked("pytest", PYTHON_TESTS);
  const overrides = [{ match: "*::test_in_body", requirements: { hardware: ["cpu"] } }];
  const [suite] = project.parse({ suites: [{ framework: "pytest", overrides }] }).suites;
  if (suite === undefined) throw new Error("no suite");
  const tests = withNeeds(suite, discovered(PYTHON_TESTS));
  const { tests: applied, unmet } = withFound(tests, found, ({ requirements }) => {
    return requirements.hardware?.includes("mps") !== true || requirements.hardware.length > 1;
  });
  const hardware = Object.fromEntries(
    applied.map(({ test: { id }, needs }) => [id.split("::").at(-1), needs.requirements.hardware]),
  );
  expect(hardware).toMatchObject({ test_named: ["cuda", "rocm"], test_in_body: ["cpu"], test_text: undefined });
  expect(hardware["test_plain"]).toEqual(["xpu"]);
  expect(hardware["test_falls_back"]).toBeUndefined();
  expect(unmet).toEqual([{ needs: { requirements: { hardware: ["mps"] } }, tests: 1 }]);
});
