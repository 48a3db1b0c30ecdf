import { expect, describe, test } from "vitest";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pythonHas, runTests, scratchProject } from "../framework-acceptance.ts";
import { unittest } from "./unittest-framework.ts";

const outcomes = `
import unittest
class TestAll(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): print("said before"); self.assertEqual(1, 2)
    def test_error(self): raise ValueError("no")
    @unittest.skip("not now")
    def test_skipped(self): pass
    def test_skips_itself(self): self.skipTest("here")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_parts(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
    def test_cleans_up(self): self.addCleanup(lambda: 1 / 0)
class TestNoClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no class")
    def test_never(self): pass
class TestSkippedClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not here")
    def test_never(self): pass
class TestLate(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise ValueError("late")
    def test_first(self): pass
    def test_last(self): pass
`;

describe.skipIf(!pythonHas("unittest"))("unittest", () => {
  test("every outcome is what unittest itself says, and counts as many", async () => {
    await using project = await scratchProject({ "test_all.py": outcomes });
    const { tests } = await unittest.discover(project.place());
    const session = await unittest.open(project.options());
    const { end, results } = await runTests(
      session,
      tests.map(({ id }) => id),
    );
    await session.close();
    expect(end).toBeNull();
    expect(
      Object.fromEntries([...results].map(([id, { outcome }]) => [id.slice("test_all.".length), outcome])),
    ).toEqual({
      "TestAll.test_cleans_up": "error",
      "TestAll.test_error": "error",
      "TestAll.test_expected": "xfailed",
      "TestAll.test_fails": "failed",
      "TestAll.test_parts": "failed",
      "TestAll.test_passes": "passed",
      "TestAll.test_skipped": "skipped",
      "TestAll.test_skips_itself": "skipped",
      "TestAll.test_unexpected": "failed",
      "TestLate.test_first": "passed",
      "TestLate.test_last": "error",
      "TestNoClass.test_never": "error",
      "TestSkippedClass.test_never": "skipped",
    });
    expect(results.get("test_all.TestAll.test_fails")).toMatchObject({
      file: "test_all.py",
      output: "said before\n",
      message: expect.stringContaining("1 != 2"),
    });
    const own = await new Promise<string>((resolve) => {
      execFile("python3", ["-m", "unittest", "discover"], { cwd: project.folder }, (_error, _stdout, stderr) =>
        resolve(stderr),
      );
    });
    expect(own.trim().split("\n").at(-1)).toBe(
      "FAILED (failures=2, errors=4, skipped=3, expected failures=1, unexpected successes=1)",
    );
  });

  test("what classes and modules share is made once for a batch, and binds tests together", async () => {
    await using project = await scratchProject({
      "pkg/__init__.py": "",
      "pkg/test_shared.py": `import unittest
def note(text):
    with open("made", "a") as file: file.write(text)
def setUpModule(): note("m")
def tearDownModule(): note("M")
class TestA(unittest.TestCase):
    @classmethod
    def setUpClass(cls): note("c")
    @classmethod
    def tearDownClass(cls): note("C")
    def test_1(self): note("1")
    def test_2(self): note("2")
class TestB(unittest.TestCase):
    def test_3(self): note("3")
`,
      "test_class.py": `import unittest
class TestClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): pass
    def test_4(self): pass
class TestAlone(unittest.TestCase):
    @unittest.skip("never")
    def test_5(self): pass
`,
      "test_broken.py": "import nothing_of_this_name",
      "test_not_here.py": "import unittest\nraise unittest.SkipTest('not here')",
    });
    const { tests, problems } = await unittest.discover(project.place());
    expect(tests.map(({ id, together }) => [id, together])).toEqual([
      ["pkg.test_shared.TestA.test_1", "module:pkg.test_shared"],
      ["pkg.test_shared.TestA.test_2", "module:pkg.test_shared"],
      ["pkg.test_shared.TestB.test_3", "module:pkg.test_shared"],
      ["test_class.TestAlone.test_5", undefined],
      ["test_class.TestClass.test_4", "class:test_class.TestClass"],
      ["test_not_here", undefined],
    ]);
    expect(tests.find(({ id }) => id.endsWith("test_5"))).toMatchObject({
      file: "test_class.py",
      line: 7,
      skip: "never",
    });
    expect(problems).toEqual([{ file: "test_broken.py", message: expect.stringContaining("nothing_of_this_name") }]);
    const session = await unittest.open(project.options());
    await runTests(session, ["pkg.test_shared.TestA.test_1", "pkg.test_shared.TestB.test_3"]);
    const { results } = await runTests(session, [
      "pkg.test_shared",
      "test_broken.TestX.test_y",
      "test_class.TestZ.test_z",
      "test_not_here",
    ]);
    await session.close();
    expect(await readFile(join(project.folder, "made"), "utf8")).toBe("mc1C3M" + "mc12C3M");
    expect(results.get("test_broken.TestX.test_y")).toMatchObject({
      outcome: "error",
      message: expect.stringContaining("nothing_of_this_name"),
    });
    expect(results.get("test_class.TestZ.test_z")?.outcome).toBe("error");
    expect(results.get("test_not_here")).toMatchObject({ outcome: "skipped", message: "not here" });
  });

  test("a test is tried again as a new object, and tells what it saw of libraries", async () => {
    await using project = await scratchProject({
      "test_flaky.py": `import unittest, decimal
from unittest import mock
tries = []
class TestFlaky(unittest.TestCase):
    def test_flaky(self):
        self.assertFalse(hasattr(self, "seen")); self.seen = True
        tries.append(1)
        self.assertEqual(len(tries), 2)
    @mock.patch("decimal.Decimal")
    def test_mocked(self, fake): pass
`,
    });
    const session = await unittest.open(project.options({ retries: 1, watch: ["decimal"] }));
    const { results, events } = await runTests(session, ["test_flaky"]);
    await session.close();
    expect(results.get("test_flaky.TestFlaky.test_flaky")).toMatchObject({
      outcome: "passed",
      retries: 1,
      libraries: { decimal: "real" },
    });
    expect(results.get("test_flaky.TestFlaky.test_mocked")?.libraries).toEqual({ decimal: "mocked" });
    expect(events).toContainEqual({ kind: "loaded", file: "test_flaky.py", files: ["test_flaky.py"] });
  });
});

test.skipIf(!pythonHas("unittest"))(
  "arguments of the search are followed, and packages load as they are named",
  async () => {
    await using project = await scratchProject({
      "checks/__init__.py": "",
      "checks/one_check.py":
        "import unittest\nclass TestOne(unittest.TestCase):\n    def test_1(self): pass\n    def test_2(self): pass\n",
      "checks/test_other.py": "import nothing_of_this_name",
    });
    const args = ["-s", "checks", "-p", "*_check.py", "-t", ".", "-k", "test_2"];
    const { tests, problems } = await unittest.discover(project.place(...args));
    expect([tests.map(({ id }) => id), problems]).toEqual([["checks.one_check.TestOne.test_2"], []]);
    const session = await unittest.open(project.options({ arguments: args }));
    const { results } = await runTests(session, ["checks.one_check.TestOne.test_2"]);
    await session.close();
    expect(results.get("checks.one_check.TestOne.test_2")?.outcome).toBe("passed");
  },
);

test.skipIf(!pythonHas("unittest"))("tests of one name are told apart, and doctests are run by theirs", async () => {
  await using project = await scratchProject({
    "test_made.py": `import unittest
def made(number):
    class TestMade(unittest.TestCase):
        def test(self): self.assertEqual(number, 1)
    return TestMade
One, Two = made(1), made(2)
`,
    "test_documents.py": `import doctest
def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite(doctest))
    return tests
`,
  });
  const { tests } = await unittest.discover(project.place());
  const ids = tests.map(({ id }) => id);
  const session = await unittest.open(project.options());
  const { results } = await runTests(session, ids);
  await session.close();
  expect([...results.keys()]).toEqual(ids);
  expect(results.get("test_made.made.<locals>.TestMade.test")?.outcome).toBe("passed");
  expect(results.get("test_made.made.<locals>.TestMade.test #2")?.outcome).toBe("failed");
  expect(results.get("doctest._TestClass.get")?.outcome).toBe("passed");
});

test("a test has a line that runs it alone", () => {
  expect(unittest.reproduce({ id: "a.T.test", file: "" })).toEqual(["python3", "-m", "unittest", "a.T.test"]);
  expect(unittest.reproduce({ id: "a.T.test #2", file: "" })).toEqual(["python3", "-m", "unittest", "a.T.test"]);
});

test("a folder whose tests import unittest is one of its", async () => {
  await using project = await scratchProject({ "tests/test_a.py": "import unittest\n" });
  expect(await unittest.clue(project.folder)).toEqual({
    file: "tests/test_a.py",
    reason: "tests/test_a.py imports unittest",
  });
});
