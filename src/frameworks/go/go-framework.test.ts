import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { hasProgram, runTests, scratchProject } from "../framework-acceptance.ts";
import { PlainStarter } from "../plain-starter.ts";
import { go } from "./go-framework.ts";

const module = "module example.com/all\n\ngo 1.19\n";
const outcomes = `package all
import ("fmt"; "os"; "testing"; "time")
func TestPasses(t *testing.T) {}
func TestPrintsNoEnd(t *testing.T) { fmt.Print("no end of line") }
func TestFails(t *testing.T) { fmt.Println("said before"); t.Errorf("one\\nand %s", "two") }
func TestSkips(t *testing.T) { t.Skip("not now") }
func TestTable(t *testing.T) {
	t.Run("two\\nlines 🐞", func(t *testing.T) {})
	t.Run("a/b", func(t *testing.T) { t.Run("deep", func(t *testing.T) { t.Error("deep down") }) })
	t.Run("same", func(t *testing.T) {})
	t.Run("same", func(t *testing.T) { t.Skip("the second") })
}
func TestTableWithoutEnd(t *testing.T) { fmt.Print("x"); t.Run("in", func(t *testing.T) { fmt.Print("y") }); t.Fail() }
func TestBeside(t *testing.T) { t.Parallel(); time.Sleep(20 * time.Millisecond); fmt.Println("one") }
func TestBesideToo(t *testing.T) { t.Parallel(); t.Log("two") }
func FuzzSeeds(f *testing.F) { f.Add("a"); f.Fuzz(func(t *testing.T, text string) {}) }
func BenchmarkNever(b *testing.B) { os.Exit(9) }
func ExampleSame() { fmt.Println("x")
// Output: x
}
func ExampleOther() { fmt.Println("x")
// Output: y
}
`;
const ends = `package ends
import ("os"; "testing"; "time")
func TestBefore(t *testing.T) {}
func TestPanics(t *testing.T) { t.Run("in", func(t *testing.T) { var none []int; _ = none[1] }) }
func TestBesideA(t *testing.T) { t.Parallel(); time.Sleep(200 * time.Millisecond) }
func TestBesideB(t *testing.T) { t.Parallel(); panic("beside") }
func TestExits(t *testing.T) { os.Exit(3) }
func TestElsewhere(t *testing.T) { go func() { panic("elsewhere") }(); time.Sleep(time.Hour) }
func TestHangs(t *testing.T) { time.Sleep(time.Hour) }
func TestAfter(t *testing.T) {}
`;

describe.skipIf(!hasProgram("go", "version"))("Go", () => {
  test("every outcome is what go test itself says", async () => {
    await using project = await scratchProject({ "go.mod": module, "sub/all_test.go": outcomes });
    expect(await go.clue(project.folder)).toMatchObject({ file: "go.mod" });
    expect(await go.installed?.(project.place())).toEqual({ go: expect.stringMatching(/^\d/) });
    const { tests, problems } = await go.discover(project.place());
    expect(problems).toEqual([]);
    expect(tests[2]).toEqual({
      ...{ id: "sub/all_test.go > TestFails", file: "sub/all_test.go", line: 5, together: "package:sub", tags: [] },
    });
    const session = await go.open(project.options());
    const { end, results } = await runTests(
      session,
      tests.map(({ id }) => id),
    );
    expect(end).toBeNull();
    const words = { passed: "PASS", failed: "FAIL", skipped: "SKIP" } as Record<string, string>;
    const ours = Array.from(results.values(), ({ id, outcome }) => `${words[outcome]} ${id.split(" > ")[1]}`);
    const own = await promisify(execFile)("go", ["test", "-v", "./..."], { cwd: project.folder }).catch(
      (error: { stdout: string }) => error,
    );
    const said = [...own.stdout.matchAll(/--- (PASS|FAIL|SKIP): (\S+) \(/g)].map(
      ([, verdict, name]) => `${verdict} ${name}`,
    );
    expect(said.length).toBeGreaterThan(15);
    expect(ours.toSorted()).toEqual(said.toSorted());
    const result = (name: string) => results.get(`sub/all_test.go > ${name}`);
    expect(result("TestFails")).toMatchObject({
      message: "all_test.go:5: one\n        and two",
      output: expect.stringContaining("said before"),
    });
    expect(result("TestSkips")?.message).toContain("not now");
    expect(result("TestTable/a/b")?.message).toBe("TestTable/a/b/deep failed");
    expect(result("ExampleOther")?.message).toBe("got:\nx\nwant:\ny");
    // The same program, one test in another, and what is not there.
    const some = ["TestTable/a/b", "TestGone", "TestTable/gone"].map((name) => `sub/all_test.go > ${name}`);
    const again = await runTests(session, some);
    await session.close();
    expect(
      Array.from(again.results.values(), ({ id, outcome }) => `${outcome} ${id.split(" > ")[1]}`).toSorted(),
    ).toEqual(["error TestGone", "error TestTable/gone", "failed TestTable/a/b", "failed TestTable/a/b/deep"]);
  });

  test("where Go says which test panicked the others go on; where it does not, the end of its process tells", async () => {
    await using project = await scratchProject({ "go.mod": module, "ends_test.go": ends });
    const id = (name: string): string => `ends_test.go > ${name}`;
    const session = await go.open(project.options({ arguments: ["-timeout", "2s"] }));
    const names = ["TestBefore", "TestPanics", "TestBesideA", "TestBesideB", "TestHangs", "TestAfter"];
    const { end, results } = await runTests(session, names.map(id));
    expect(end).toBeNull();
    expect(Object.fromEntries(names.map((name) => [name, results.get(id(name))?.outcome]))).toEqual({
      ...{ TestBefore: "passed", TestPanics: "failed", TestBesideA: "passed", TestBesideB: "crashed" },
      ...{ TestHangs: "timed_out", TestAfter: "passed" },
    });
    expect(results.get(id("TestPanics/in"))).toMatchObject({
      outcome: "crashed",
      message: expect.stringContaining("index out of range [1]"),
    });
    for (const name of ["TestExits", "TestElsewhere"]) {
      const broken = await go.open(project.options());
      const { end: how, events } = await runTests(broken, [id("TestBefore"), id(name)]);
      await broken.close();
      expect([name, how]).toEqual([name, { exitCode: 1, signal: null }]);
      expect(events.at(-1)).toEqual({ kind: "started", id: id(name) });
    }
    await session.close();
  });

  test("what cannot be built, what TestMain does, tries and arguments", async () => {
    await using project = await scratchProject({
      "go.mod": module,
      "broken/broken_test.go": 'package broken\nimport "testing"\nfunc TestBroken(t *testing.T) { nothing() }\n',
      "main/main_test.go": `package main
import ("os"; "testing")
func TestMain(m *testing.M) { m.Run(); os.Exit(1) }
func TestPasses(t *testing.T) {}
`,
      "flaky/flaky_test.go": `//go:build flaky
package flaky
import ("os"; "testing")
func TestFlaky(t *testing.T) { if _, err := os.Stat("tried"); err != nil { os.WriteFile("tried", nil, 0o600); t.Fatal("first") } }
func TestNever(t *testing.T) { t.Fatal("always") }
`,
    });
    const { tests, problems } = await go.discover(
      project.place("-tags", "flaky", "-run", "Flaky|Passes|Broken", "./..."),
    );
    expect(tests.map(({ id }) => id)).toEqual(["flaky/flaky_test.go > TestFlaky", "main/main_test.go > TestPasses"]);
    expect(problems).toEqual([
      { file: "broken/broken_test.go", message: expect.stringContaining("undefined: nothing") },
    ]);
    const session = await go.open(project.options({ retries: 2, arguments: ["-tags=flaky"] }));
    const { results } = await runTests(session, [
      ...[
        "flaky/flaky_test.go",
        "main/main_test.go > TestPasses",
        "broken/broken_test.go > TestBroken",
        "no/no_test.go",
      ],
    ]);
    await session.close();
    expect(Array.from(results.values(), ({ id, outcome, retries }) => [id, outcome, retries])).toEqual([
      ["flaky/flaky_test.go > TestFlaky", "passed", 1],
      ["flaky/flaky_test.go > TestNever", "failed", 2],
      ["main/main_test.go > TestPasses", "passed", undefined],
      ["main/main_test.go > TestMain", "error", undefined],
      ["broken/broken_test.go > TestBroken", "error", undefined],
      ["no/no_test.go", "error", undefined],
    ]);
    expect(results.get("broken/broken_test.go > TestBroken")?.message).toContain("undefined: nothing");
  });
});

test("a machine without Go says how to get it, and a test has a line that runs it alone", async () => {
  await using project = await scratchProject({ "go.mod": module });
  expect(await go.clue(project.folder)).toBeNull();
  await expect(
    go.discover({ ...project.place(), starter: new PlainStarter({ PATH: join(project.folder, "no") }) }),
  ).rejects.toMatchObject({ code: "framework_missing", next: expect.stringContaining("Install Go") });
  expect(go.reproduce({ id: "sub/a_test.go > TestTable/a_b", file: "sub/a_test.go" })).toEqual([
    "go",
    "test",
    "-count=1",
    "-run",
    "^TestTable$/^a_b$",
    "./sub",
  ]);
});
