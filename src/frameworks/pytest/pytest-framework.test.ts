import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { TestEvent } from "../framework.ts";
import { PlainStarter } from "../plain-starter.ts";
import { pythonHas, runTests, scratchProject } from "../framework-acceptance.ts";
import { pytest } from "./pytest-framework.ts";

const outcomes = `
import sys, os, unittest, pytest

@pytest.fixture
def broken(): raise ValueError("no fixture")
@pytest.fixture
def late():
    yield
    raise ValueError("late")
def test_passes(): pass
def test_fails(): print("said\\0before"); assert 1 == 2
def test_error(broken): pass
def test_teardown(late): pass
def test_fails_and_teardown(late): assert 0
@pytest.mark.skip(reason="not now")
def test_skipped(): pass
def test_skips_itself(): pytest.skip("here")
@pytest.mark.xfail(reason="known")
def test_expected(): assert 0
@pytest.mark.xfail
def test_unexpected(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.parametrize("text", ["two\\nlines", "\\U0001f600", "a[b]::c"])
def test_texts(text): assert text != "two\\nlines"
class TestOne:
    def test_same(self): pass
class TestTwo:
    def test_same(self): assert 0
class TestUnit(unittest.TestCase):
    def test_unit(self): self.assertEqual(1, 2)
    @unittest.expectedFailure
    def test_expected_too(self): self.fail()
def test_exits(): sys.exit(3)
def test_reads_nothing(): assert os.read(0, 1) == b""
def test_forks():
    if os.fork() == 0: assert 0
    assert os.wait()[1] != 0
`;

describe.skipIf(!pythonHas("pytest"))("pytest", () => {
  test("every outcome is what pytest itself says in its JUnit report", async () => {
    await using project = await scratchProject({
      "test_all.py": outcomes,
      "more/test_all.py": "def test_passes(): pass",
    });
    const args = ["--import-mode=importlib", "-o", "junit_family=xunit1", "--junitxml=own.xml"];
    const { tests } = await pytest.discover(project.place(...args));
    const session = await pytest.open(project.options({ arguments: args.slice(0, 1) }));
    const { end, results } = await runTests(
      session,
      tests.map(({ id }) => id),
    );
    await session.close();
    expect(end).toBeNull();
    await promisify(execFile)("python3", ["-m", "pytest", "-q", ...args], { cwd: project.folder }).catch(
      () => undefined,
    );
    const own = junitOutcomes(await readFile(join(project.folder, "own.xml"), "utf8"));
    const ours = [...results.values()]
      .map(({ id, outcome }) => [nameInJunit(id), inJunit(outcome)].join(" "))
      .toSorted();
    // Of a test that failed and could not be torn down JUnit has two cases.
    expect(ours).toEqual(
      [...new Set(own)].filter((line) => line !== "test_all test_fails_and_teardown error").toSorted(),
    );
    expect(results.get("test_all.py::test_expected")).toMatchObject({ outcome: "xfailed", message: "known" });
    expect(results.get("test_all.py::test_unexpected")?.outcome).toBe("xpassed");
    expect(results.get("test_all.py::test_fails")?.output).toContain("said\0before");
    expect(results.get("test_all.py::test_fails")?.message).toContain("assert 1 == 2");
    expect(results.get("test_all.py::test_passes")?.output).toBeUndefined();
  });

  test("the file of a package runs alone, each of its tests once", async () => {
    await using project = await scratchProject({
      "pkg/__init__.py": '"""\n>>> 1 + 1\n2\n"""\n',
      "pkg/test_a.py": "def test_a(): pass\n",
      "pkg/sub/__init__.py": '"""\n>>> 1 + 1\n3\n"""\n',
      "pkg/sub/test_b.py": "def test_b(): pass\n",
    });
    const args = ["--doctest-modules"];
    const { tests } = await pytest.discover(project.place(...args));
    const session = await pytest.open(project.options({ arguments: args }));
    const { events } = await runTests(
      session,
      tests.map(({ id }) => id),
    );
    await session.close();
    const told = events.flatMap((event) =>
      event.kind === "finished" ? [`${event.result.id} ${event.result.outcome}`] : [],
    );
    expect(told.toSorted()).toEqual([
      "pkg/__init__.py::pkg passed",
      "pkg/sub/__init__.py::pkg.sub failed",
      "pkg/sub/test_b.py::test_b passed",
      "pkg/test_a.py::test_a passed",
    ]);
  });

  test("it lists tests with lines, markers, reasons to skip, what they share, and files that cannot be read", async () => {
    await using project = await scratchProject({
      "pytest.ini": "[pytest]\nmarkers = slow\n",
      "test_lists.py": `import pytest
@pytest.fixture(scope="module")
def made(): return 1
@pytest.fixture(scope="session")
def kept(): return 1
def test_alone(kept, tmp_path): pass
@pytest.mark.slow
def test_shares(made): pass
@pytest.mark.skipif(True, reason="never")
def test_never(): pass
@pytest.mark.xdist_group("one")
def test_grouped(): pass
`,
      "test_broken.py": "import nothing_of_this_name",
      "test_none.py": "import pytest; pytest.importorskip('nothing_of_this_name')",
    });
    const { tests, problems, version } = await pytest.discover(project.place());
    expect(version).toMatch(/^\d+\./);
    expect(problems).toEqual([{ file: "test_broken.py", message: expect.stringContaining("nothing_of_this_name") }]);
    expect(tests.filter(({ file }) => file === "test_lists.py")).toEqual([
      { id: "test_lists.py::test_alone", file: "test_lists.py", line: 6, tags: [] },
      {
        id: "test_lists.py::test_shares",
        file: "test_lists.py",
        line: 7,
        tags: ["slow"],
        together: "module:test_lists.py",
      },
      { id: "test_lists.py::test_never", file: "test_lists.py", line: 9, tags: ["skipif"], skip: "never" },
      {
        id: "test_lists.py::test_grouped",
        file: "test_lists.py",
        line: 11,
        tags: ["xdist_group"],
        together: "group:one",
      },
    ]);
    expect(tests.find(({ file }) => file === "test_none.py")?.skip).toContain("nothing_of_this_name");
  });

  test("fixtures live as long as their scope within a batch, those of the session as long as the process", async () => {
    await using project = await scratchProject({
      "conftest.py": `import pytest
for scope in ("function", "class", "module", "session"):
    def make(scope=scope):
        @pytest.fixture(scope=scope, autouse=True)
        def count():
            with open("made", "a") as file: file.write(scope[0])
            yield
            with open("made", "a") as file: file.write(scope[0].upper())
        return count
    globals()["count_" + scope] = make()
`,
      "test_a.py": "class TestA:\n    def test_1(self): pass\n    def test_2(self): pass\ndef test_3(): pass\n",
      "test_b.py": "def test_4(): pass\n",
    });
    const session = await pytest.open(project.options());
    const made = (): Promise<string> => readFile(join(project.folder, "made"), "utf8");
    await runTests(session, ["test_a.py", "test_b.py::test_4"]);
    expect(await made()).toBe("smcfFfFCcfFCM" + "mcfFCM");
    await runTests(session, ["test_a.py::test_3"]);
    expect(await made()).toBe("smcfFfFCcfFCM" + "mcfFCM" + "mcfFCM");
    await session.close();
    expect(await made()).toBe("smcfFfFCcfFCM" + "mcfFCM" + "mcfFCM" + "S");
  });

  test("a test that did not pass is tried again with new fixtures", async () => {
    await using project = await scratchProject({
      "test_flaky.py": `import pytest
tries = []
@pytest.fixture
def fresh(): return []
def test_flaky(fresh):
    tries.append(fresh); fresh.append(1)
    assert len(tries) == 3 and len(fresh) == 1
@pytest.fixture(scope="module")
def slow_start():
    tries.append(1)
    assert len(tries) > 4
def test_late(slow_start): pass
def test_never(): assert 0
`,
    });
    const session = await pytest.open(project.options({ retries: 2 }));
    const { results } = await runTests(session, ["test_flaky.py"]);
    await session.close();
    expect([...results.values()].map(({ outcome, retries }) => [outcome, retries])).toEqual([
      ["passed", 2],
      ["passed", 1],
      ["failed", 2],
    ]);
  });

  test("what a test saw of a watched library is told, and may be demanded to be real", async () => {
    await using project = await scratchProject({
      "app.py": "import decimal\nfrom fractions import Fraction\ndef half(): return Fraction(1, 2)\n",
      "test_libraries.py": `import sys, types, pytest, app
from unittest import mock
def test_real(): assert app.half() * 2 == 1
@mock.patch("app.Fraction")
def test_by_decorator(fraction): app.half()
def test_in_library():
    with mock.patch.object(app.decimal, "Decimal"): pass
def test_by_fixture(monkeypatch): monkeypatch.setattr("decimal.getcontext", lambda: None)
def test_module(monkeypatch): monkeypatch.setitem(sys.modules, "decimal", types.ModuleType("decimal"))
def test_missing(): pytest.importorskip("nothing_of_this_name")
def test_real_again(): pass
`,
    });
    const watch = ["decimal", "fractions", "nothing_of_this_name", "csv", "onnxruntime-node"];
    const session = await pytest.open(project.options({ watch, requireReal: ["decimal", "csv"] }));
    const { results, events } = await runTests(session, ["test_libraries.py"]);
    await session.close();
    const seen = [...results.values()].map(({ id, outcome, libraries = {} }) => [
      id.split("::")[1],
      outcome,
      libraries["decimal"],
      libraries["fractions"],
    ]);
    expect(seen).toEqual([
      ["test_real", "passed", "real", "real"],
      ["test_by_decorator", "passed", "real", "mocked"],
      ["test_in_library", "failed", "mocked", "real"],
      ["test_by_fixture", "failed", "mocked", "real"],
      ["test_module", "failed", "mocked", "real"],
      ["test_missing", "skipped", "real", "real"],
      ["test_real_again", "passed", "real", "real"],
    ]);
    expect(results.get("test_libraries.py::test_missing")?.libraries).toEqual({
      decimal: "real",
      fractions: "real",
      nothing_of_this_name: "missing",
    });
    expect(results.get("test_libraries.py::test_module")?.message).toBe(
      "the run demands real libraries, and decimal was mocked",
    );
    const loaded = { kind: "loaded", file: "test_libraries.py", files: ["app.py", "test_libraries.py"] };
    expect(events).toContainEqual(loaded);
  });

  test("a process that a test ends was running that test, and nothing before it is lost", async () => {
    await using project = await scratchProject({
      "test_ends.py": `import os
def test_before(): pass
def test_ends(): os._exit(7)
def test_after(): pass
`,
    });
    const session = await pytest.open(project.options());
    const { end, events } = await runTests(session, ["test_ends.py"]);
    await session.close();
    expect(end).toEqual({ exitCode: 7, signal: null });
    expect(events.map(said)).toEqual([
      "started test_ends.py",
      "started test_before",
      "finished test_before",
      "started test_ends",
    ]);
  });

  test("what cannot be run is told with its reason", async () => {
    await using project = await scratchProject({
      "test_broken.py": "import nothing_of_this_name",
      "test_ok.py": "def test_ok(): pass",
    });
    const session = await pytest.open(project.options());
    const { results, events } = await runTests(session, [
      "test_broken.py::test_x",
      "test_gone.py::test_y",
      "test_ok.py::test_ok",
    ]);
    await session.close();
    expect([...results.values()].map(({ outcome }) => outcome)).toEqual(["error", "error", "passed"]);
    expect(results.get("test_broken.py::test_x")?.message).toContain("nothing_of_this_name");
    expect(events).toContainEqual({
      kind: "problem",
      file: "test_broken.py",
      message: expect.stringContaining("ImportError"),
    });
  });

  test("a project that pytest cannot start in says what pytest said", async () => {
    await using project = await scratchProject({ "conftest.py": "import nothing_of_this_name" });
    await expect(pytest.discover(project.place())).rejects.toMatchObject({
      code: "discovery_failed",
      message: expect.stringContaining("nothing_of_this_name"),
    });
    await expect(pytest.open(project.options())).rejects.toMatchObject({ code: "discovery_failed" });
  });
});

test("a Python without pytest is an error that says how to get it", async () => {
  await using project = await scratchProject({});
  const starter = new PlainStarter({ PATH: "/nothing" });
  await expect(pytest.discover({ ...project.place(), starter })).rejects.toMatchObject({
    code: "framework_missing",
    message: expect.stringContaining("there is no python3 on the PATH"),
    next: expect.stringContaining("python3 -m pip install pytest"),
  });
});

test("a test has a line that runs it alone", () => {
  expect(pytest.reproduce({ id: "test_a.py::test[x y]", file: "" })).toEqual([
    "python3",
    "-m",
    "pytest",
    "test_a.py::test[x y]",
  ]);
});

test("a folder with settings of pytest is one of its", async () => {
  await using project = await scratchProject({ "pyproject.toml": "[project]\n\n[tool.pytest.ini_options]\n" });
  expect(await pytest.clue(project.folder)).toEqual({
    file: "pyproject.toml",
    reason: "pyproject.toml has settings of pytest",
  });
  await using other = await scratchProject({ "pyproject.toml": "[project]\n" });
  expect(await pytest.clue(other.folder)).toBeNull();
});

function said(event: TestEvent): string {
  const id = event.kind === "started" ? event.id : event.kind === "finished" ? event.result.id : "";
  return `${event.kind} ${id.split("::").at(-1)}`;
}

/** The cases of a JUnit report: class, name and verdict. */
function junitOutcomes(xml: string): string[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(\/>|>(.*?)<\/testcase>)/gs)].map(([, attributes = "", , body = ""]) => {
    const read = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(` ${attributes}`)?.[1] ?? "";
    const verdict = /<(failure|error|skipped)/.exec(body)?.[1] ?? "passed";
    return `${read("classname")} ${read("name")} ${verdict}`;
  });
}

function nameInJunit(id: string): string {
  const [, path = "", rest = ""] = /^(.*?)\.py::(.*)$/s.exec(id) ?? [];
  const [, scope = "", name = ""] = /^((?:[^[]*::)?)(.*)$/s.exec(rest) ?? [];
  const parts = [...path.split("/"), ...scope.split("::").filter((part) => part !== "")];
  return `${parts.join(".")} ${name}`;
}

function inJunit(outcome: string): string {
  return { failed: "failure", xfailed: "skipped", xpassed: "passed" }[outcome] ?? outcome;
}
