import { describe, expect, test } from "vitest";
import { runTests, scratchProject } from "../framework-acceptance.ts";
import type { ScratchProject } from "../framework-acceptance.ts";
import type { SuiteConfig } from "../../contracts/index.ts";
import { listCommand } from "../../contracts/index.ts";
import { command } from "./command-framework.ts";

type Lines = NonNullable<SuiteConfig["command"]>;

function lines(list: string, run: string, report: Lines["report"] = "exit_code"): Lines {
  return listCommand.parse({ list, run, report });
}

async function outcomes(project: ScratchProject, given: Lines, options: { tests: string[]; retries?: number }) {
  const session = await command.open(project.options({ command: given, retries: options.retries ?? 0 }));
  const { end, events, results } = await runTests(session, options.tests);
  await session.close();
  const told = Array.from(results.values(), ({ id, outcome }) => `${outcome} ${id}`);
  return { end, events, results, told };
}

describe("a program whose exit codes tell", () => {
  const names = ["plain", 'it\'s $HOME `x` "q" 🐞', "-dash", "same", "same", "name #2"];
  const script = `case "$1" in
  same) n=$(cat tries 2>/dev/null | wc -l); echo try >> tries; [ "$n" -gt 0 ];;
  skip) echo "said before"; echo "not now"; exit 77;;
  crash) kill -SEGV $$;;
  loud) head -c 30000000 /dev/zero; echo; echo the end; exit 3;;
  gone) exec /no/such/program;;
  *) printf '%s\\n' "$1" >> ran;;
esac
`;

  test("any names run as they are listed, each by itself, and each code means what it says", async () => {
    await using project = await scratchProject({
      "names.txt": `${names.join("\r\n")}\n\nbad\0name\n`,
      "run.sh": script,
    });
    const given = lines("cat names.txt", "sh run.sh {tests}");
    const { tests, problems } = await command.discover({ ...project.place(), command: given });
    expect(tests.map(({ id }) => id)).toEqual([...names.slice(0, 4), "same #2", "name #2"]);
    expect(problems).toEqual([{ file: null, message: expect.stringContaining("bad\u2400name") }]);
    const asked = [...tests.map(({ id }) => id), "skip", "crash", "loud", "gone"];
    const { end, told, results, events } = await outcomes(project, given, { tests: asked });
    expect(end).toBeNull();
    expect(told).toEqual([
      ...names.slice(0, 3).map((name) => `passed ${name}`),
      ...[
        "failed same",
        "passed same #2",
        "passed name #2",
        "skipped skip",
        "crashed crash",
        "failed loud",
        "error gone",
      ],
    ]);
    expect(results.get("skip")?.message).toBe("not now");
    expect(results.get("crash")?.message).toBe("its process was ended by the signal SIGSEGV");
    expect(results.get("loud")).toMatchObject({
      message: "exit code 3: the end",
      output: expect.stringMatching(/the end\n$/),
    });
    expect(events.filter(({ kind }) => kind === "started")).toHaveLength(asked.length);
    const { results: again } = await outcomes(
      project,
      lines("cat names.txt", "[ -e {tests}2 ] || { touch {tests}2; exit 1; }"),
      {
        tests: ["flaky"],
        retries: 1,
      },
    );
    expect(again.get("flaky")).toMatchObject({ outcome: "passed", retries: 1 });
  });

  test("a list that fails, and one without an end, are errors", async () => {
    await using project = await scratchProject({});
    const fails = command.discover({ ...project.place(), command: lines("echo no list >&2; exit 4", "true {tests}") });
    await expect(fails).rejects.toMatchObject({
      code: "discovery_failed",
      message: expect.stringContaining("no list"),
    });
    const endless = command.discover({ ...project.place(), command: lines("yes", "true {tests}") });
    await expect(endless).rejects.toMatchObject({ message: expect.stringContaining("longer than") });
    await expect(command.discover(project.place())).rejects.toMatchObject({
      next: expect.stringContaining("assay.yaml"),
    });
    expect(await command.clue(project.folder)).toBeNull();
    expect(listCommand.safeParse({ list: "x", run: "y" }).success).toBe(false);
    expect(listCommand.safeParse({ list: "x", run: "y {tests}", report: "junit" }).success).toBe(false);
    const line = command.reproduce({ id: "it's", file: "." }, { command: lines("x", "sh run.sh {tests}") });
    expect(line).toEqual(["/bin/sh", "-c", String.raw`sh run.sh 'it'\''s'`]);
  });
});

describe("a program that prints TAP", () => {
  const print = lines("true", "cat {tests}.tap; [ ! -e {tests}.code ] || exit $(cat {tests}.code)", "tap");

  test("points, plans, directives, explanations, tests in tests, and what is no TAP", async () => {
    const tap = `TAP version 14
1..7
printed
ok 1 - passes
not ok 2 - fails
  ---
  message: "no"
  at: here.js:3
  ...
# and more of it
ok 3 - not here # SKIP no reason
not ok 4 - later # TODO one day
ok 5 - done # TODO
# Subtest: outer
    ok 1 - first
    # Subtest: inner
        not ok 1 - deep
          ---
          message: deep
          ...
        1..1
    not ok 2 - inner
    1..2
not ok 6 - outer
ok 7 - with \\# sign
`;
    await using project = await scratchProject({ "all.tap": tap });
    const { told, results, end } = await outcomes(project, print, { tests: ["all"] });
    expect(end).toBeNull();
    expect(told.map((line) => line.replace("all > ", ""))).toEqual([
      "passed passes",
      "failed fails",
      "skipped not here",
      "xfailed later",
      "xpassed done",
      "passed outer > first",
      "failed outer > inner > deep",
      "failed outer > inner",
      "failed outer",
      "passed with # sign",
    ]);
    expect(results.get("all > fails")?.message).toBe('message: "no"\nat: here.js:3\nand more of it\n');
    expect(results.get("all > not here")?.message).toBe("no reason");
  });

  test("giving up, ending early and saying nothing", async () => {
    await using project = await scratchProject({
      "bails.tap": "1..2\nok 1 - a\nBail out! no database\n",
      "none.tap": "1..0 # SKIP no browser\n",
      "early.tap": "1..3\nok 1 - something\n",
      "early.code": "3",
      "run.sh": 'echo "1..$#"; for name; do echo "ok - $name"; done',
    });
    expect((await outcomes(project, print, { tests: ["none"] })).results.get("none")).toMatchObject({
      outcome: "skipped",
      message: "no browser",
    });
    const many = lines("true", "sh run.sh {tests}", "tap");
    const names = Array.from(
      { length: 3_000 },
      (_, index) => `a test with the number ${index}'s name, so that they take a few lines`,
    );
    const { told, events } = await outcomes(project, many, { tests: names });
    expect(told).toEqual(names.map((name) => `passed ${name}`));
    expect(events.find(({ kind }) => kind === "started")).toEqual({ kind: "started", id: names[0] });
    const two = lines("true", "cat bails.tap; : {tests}", "tap");
    expect((await outcomes(project, two, { tests: ["a", "b"] })).told).toEqual(["passed a", "error b"]);
    const early = await outcomes(project, lines("true", "cat early.tap; : {tests}; exit 3", "tap"), {
      tests: ["x", "y"],
    });
    expect([early.end?.exitCode, early.events.findLast(({ kind }) => kind === "started")]).toEqual([
      3,
      { kind: "started", id: "x" },
    ]);
    const silent = lines("true", "echo 1..1; echo ok - other; : {tests}", "tap");
    const { results } = await outcomes(project, silent, { tests: ["x", "y"] });
    expect(results.get("x")).toMatchObject({
      outcome: "error",
      message: "the program told nothing of this test, only of other",
    });
  });
});

describe("a program that writes a JUnit report", () => {
  test("cases are found by name, class and file, with their words; what cannot be read is told", async () => {
    const report = `<?xml version="1.0"?><testsuites><testsuite name="s">
<testcase classname="Words" name="between" time="1,234.5"/>
<testcase classname="Words" name="fails"><failure message="no &amp; no" type="E"><![CDATA[no & no
at line 3]]></failure><system-out>printed \u0000 this</system-out></testcase>
<testcase classname="Other" name="broken"><error type="Oops"/></testcase>
<testcase classname="Other" name="skipped"><skipped message="not now"/></testcase>
<testcase classname="Other" name="known"><skipped type="pytest.xfail" message="one day"/></testcase>
<testcase classname="Other" name="flaky"><flakyFailure message="first"/></testcase>
</testsuite></testsuites>`;
    await using project = await scratchProject({ "report.xml": report, "bad.xml": report.slice(0, 200) });
    const given = lines("true", "cp report.xml {report}; : {tests}", "junit");
    const asked = ["Words::between", "fails", "Other", "gone"];
    const { told, results, end } = await outcomes(project, given, { tests: asked });
    expect(end).toBeNull();
    expect(told).toEqual([
      ...["passed Words::between", "failed fails", "error Other > broken", "skipped Other > skipped"],
      ...["xfailed Other > known", "passed Other > flaky", "error gone"],
    ]);
    expect(results.get("Words::between")?.duration_seconds).toBe(1234.5);
    expect(results.get("fails")).toMatchObject({ message: "no & no\nat line 3", output: "printed \uFFFD this" });
    expect(results.get("Other > flaky")?.retries).toBe(1);
    const bad = await outcomes(project, lines("true", "cp bad.xml {report}; : {tests}", "junit"), {
      tests: ["Words::between", "fails"],
    });
    expect(bad.told).toEqual(["passed Words::between", "error fails"]);
    expect(bad.results.get("fails")?.message).toContain("its report cannot be read");
    const none = await outcomes(project, lines("true", ": {tests} {report}; exit 9", "junit"), { tests: ["a"] });
    expect(none.end).toEqual({ exitCode: 9, signal: null });
  });
});
