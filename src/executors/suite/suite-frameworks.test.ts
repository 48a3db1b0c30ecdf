import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rmSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { listCommand } from "../../contracts/index.ts";
import type { SuiteConfig } from "../../contracts/index.ts";
import { createPlatform } from "../../platform/index.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { SuiteExecutor } from "./suite-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
const examples = join(import.meta.dirname, "../../../examples");
/** Examples that are steady in the end count their tries so. */
const marks = ["go", "cargo", "command"].map((name) => join(tmpdir(), `assay-example-${name}`));

afterEach(() => marks.forEach((mark) => rmSync(mark, { force: true })));

function has(...command: readonly [string, string]): boolean {
  try {
    execFileSync(command[0], [command[1]], { stdio: "ignore" });
    return true;
  } catch {
    console.log(`skipped: ${command[0]} is not installed`);
    return false;
  }
}

/** Runs tests of an example: outcome and the last part of the id of each, and what was done about those that ended their process. */
async function run(config: Pick<SuiteConfig, "framework" | "tests"> & Partial<SuiteConfig>, folder: string) {
  const attempt = await scratchAttempt();
  const executor = new SuiteExecutor({ platform });
  try {
    const workspace = { folder: join(examples, folder) };
    const task = scratchTask({ type: "suite", config: { workspace, test_timeout_seconds: 3, ...config } });
    const { tests = [], recovery = [] } = await executor.execute(task, attempt.context);
    const told = tests.map(
      ({ id, outcome, retries }) => `${outcome}${retries ? " late" : ""} ${id.split(" > ").at(-1)}`,
    );
    return { told, recovery, tests };
  } finally {
    await executor.close();
    await attempt.remove();
  }
}

test.skipIf(!has("go", "version"))(
  "the example of Go: panics, exits and hangs are told by name, and the others go on",
  async () => {
    const names = ["TestPanics", "TestExits", "TestHangs", "TestPassesAfterThem"];
    const ends = await run({ framework: "go", tests: names.map((name) => `ends/ends_test.go > ${name}`) }, "go");
    expect(ends.told.toSorted()).toEqual([
      ...["crashed TestExits", "crashed TestPanics", "passed TestPassesAfterThem", "timed_out TestHangs"],
    ]);
    expect(ends.tests.find(({ id }) => id.endsWith("TestExits"))).toMatchObject({
      message: "its process ended with exit code 1, also when it ran alone",
      output: expect.stringContaining("FAIL"),
    });
    const words = await run({ framework: "go", tests: ["words_test.go"], retries: 1 }, "go");
    expect(words.told.toSorted()).toEqual([
      "failed late TestWordsAreToldFromSignsWhichFails",
      ...["passed ExampleWords", "passed TestBesideAnother", "passed TestBesideOneMore", "passed TestOfTables"],
      ...["passed TestOfTables/any_🐞_signs", "passed TestOfTables/ascii", "passed TestWordsAreBetweenSpaces"],
      ...["passed late TestSteadyInTheEnd", "skipped TestSkipped"],
    ]);
  },
);

test.skipIf(!has("cargo", "--version"))(
  "the example of Cargo: what aborts, exits and hangs is told by name, and the others go on",
  async () => {
    const names = ["aborts", "exits", "hangs", "passes_after_them"];
    const tests = [...names.map((name) => `tests/ends.rs > ${name}`), "src/lib.rs", "tests/steady.rs"];
    const { told, tests: results } = await run({ framework: "cargo", tests, retries: 1 }, "cargo");
    expect(told.toSorted()).toEqual([
      ...["crashed aborts", "crashed exits", "failed late tests::are_told_from_signs_which_fails"],
      ...["passed late is_steady_in_the_end", "passed passes_after_them", "passed src/lib.rs - words (line 3)"],
      ...["passed tests::are_between_spaces", "passed tests::end_somewhere", "skipped tests::are_counted"],
      "timed_out hangs",
    ]);
    expect(results.find(({ id }) => id.endsWith("aborts"))?.message).toContain("SIGABRT");
  },
);

test("the examples of programs of any kind", async () => {
  const command = listCommand.parse({ list: "ls tests/*.sh", run: "sh {tests}" });
  const names = ["crashes", "fails", "hangs", "it's 🐞 any $name", "passes", "skipped", "steady-in-the-end"];
  const tests = names.map((name) => `tests/${name}.sh`);
  const alone = await run(
    { framework: "command", tests, retries: 1, command, test_timeout_seconds: 3 },
    "command/by-exit-code",
  );
  expect(alone.told).toEqual([
    ...["crashed late tests/crashes.sh", "failed late tests/fails.sh", "timed_out tests/hangs.sh"],
    ...["passed tests/it's 🐞 any $name.sh", "passed tests/passes.sh", "skipped tests/skipped.sh"],
    "passed late tests/steady-in-the-end.sh",
  ]);
  for (const report of ["tap", "junit"] as const) {
    const line = `node words.mjs ${report === "tap" ? "" : "{report}"} {tests}`;
    const given = listCommand.parse({ list: "node words.mjs --list", run: line, report });
    const some = ["words are between spaces", "words are told from signs, which fails", "words are counted"];
    const { told } = await run({ framework: "command", tests: some, command: given }, `command/${report}`);
    expect(told).toEqual([
      `passed ${some[0]}`,
      `failed ${some[1]}`,
      `${report === "tap" ? "xfailed" : "skipped"} ${some[2]}`,
    ]);
  }
});
