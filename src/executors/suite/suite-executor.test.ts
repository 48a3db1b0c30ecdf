import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readFile, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SuiteConfig, TestResult } from "../../contracts/index.ts";
import { createPlatform } from "../../platform/index.ts";
import { shipFolder } from "../../workspace/index.ts";
import { WORK_DIR_VARIABLE } from "../environment.ts";
import type { ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { SuiteExecutor } from "./suite-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });

let hasPytest = true;
try {
  execFileSync("python3", ["-c", "import pytest"], { stdio: "ignore" });
} catch {
  hasPytest = false;
  console.log("skipped: python3 has no pytest; install it with `python3 -m pip install pytest`");
}

const project = realpathSync(mkdtempSync(join(tmpdir(), "assay-suite-")));
const files: Record<string, string> = {
  "conftest.py": "import os\nopen('started', 'a').write(f'{os.getpid()}\\n')\n",
  "test_good.py": "def test_one(): pass\ndef test_two(): pass\n",
  "test_bad.py": "def test_no(): print('said'); assert 0\ndef test_muted(): assert 0\n",
  "test_ends.py": `import os, signal
def test_before(): pass
def test_exits(): os._exit(3)
def test_faults(): os.kill(os.getpid(), signal.SIGSEGV)
def test_parent(): os.kill(os.getppid(), signal.SIGKILL); signal.pause()
def test_once():
    if not os.path.exists("once"):
        open("once", "w").close()
        os._exit(1)
def test_after(): pass
`,
  "test_import_ends.py": "import os\nos._exit(9)\ndef test_never(): pass\n",
  "test_hangs.py": "import time\ndef test_hangs(): time.sleep(3600)\ndef test_after(): pass\n",
  "test_waits.py": `import os, time
def test_first(): pass
def test_waits(): open("waits", "w").write(str(os.getpid())); time.sleep(3600)
`,
  "test_loud.py": `import sys
def test_loud():
    for _ in range(100): sys.stdout.write("\\0x" * 500_000)
    assert 0
`,
  "test_moves.py": "import os\ndef test_moves(): os.chdir('/'); os.close(3) if False else None\n",
  "test_leaves.py":
    "import subprocess\ndef test_leaves(): subprocess.Popen(['sleep', '3600'], start_new_session=True)\n",
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);

let executor: SuiteExecutor;
let attempt: ScratchAttempt;
beforeEach(async () => {
  executor = new SuiteExecutor({ platform });
  attempt = await scratchAttempt();
});
afterEach(async () => {
  await executor.close();
  await until(() => expect(marked()).toEqual([]));
  await attempt.remove();
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const until = (look: () => unknown): Promise<unknown> => vi.waitFor(look, { timeout: 20_000, interval: 20 });

/** Processes that the attempt, or one before it in this test, left. */
function marked(): number[] {
  return platform.processes.markedBy(WORK_DIR_VARIABLE, (value) =>
    value.startsWith(join(attempt.context.workDir, "..")),
  );
}

type Config = Partial<Omit<SuiteConfig, "workspace">> & { tests: string[] };

function run(config: Config): Promise<ExecutionReport> {
  const task = { framework: "pytest" as const, workspace: { folder: project }, ...config };
  return executor.execute(scratchTask({ type: "suite", config: task }), attempt.context);
}

/** Test and outcome of each result. */
function outcomes({ tests = [] }: ExecutionReport): string[] {
  return tests.map(({ id, outcome }) => `${id.split("::").at(-1)} ${outcome}`);
}

function resultOf({ tests = [] }: ExecutionReport, name: string): TestResult | undefined {
  return tests.find(({ id }) => id.endsWith(name));
}

describe.skipIf(!hasPytest)("a suite", () => {
  test("tests that pass complete the task, each shown as it ends, and the process serves the next task of the run", async () => {
    const first = await run({ tests: ["test_good.py::test_two", "test_good.py::test_one"] });
    expect(first.status).toBe("completed");
    expect(outcomes(first)).toEqual(["test_two passed", "test_one passed"]);
    expect(attempt.shown.stdout).toMatch(/^✓ test_good\.py::test_two \(passed, [\d.]+ s\)\n✓ test_good\.py::test_one /);
    expect(attempt.progress.at(-1)).toEqual({ fraction: 1, message: "2 of 2 tests, 0 failed" });
    expect(attempt.artifacts.get("output.log")?.toString()).toContain("pytest-");
    const second = await run({ tests: ["test_good.py"] });
    expect(outcomes(second)).toEqual(["test_one passed", "test_two passed"]);
    expect(attempt.artifacts.get("output.log")?.toString()).not.toContain("pytest-");
    expect((await readFile(join(project, "started"), "utf8")).trim().split("\n")).toHaveLength(1);
  });

  test("a test that says no fails the task, a muted one does not", async () => {
    const tests = ["test_bad.py::test_no", "test_bad.py::test_muted"];
    const report = await run({ tests, muted: ["test_bad.py::test_muted"] });
    expect(report).toMatchObject({ status: "failed", failure: { class: "assertion", reason: "tests_failed" } });
    expect(report.failure?.message).toBe("1 of 2 tests: test_bad.py::test_no (failed)");
    expect(resultOf(report, "test_no")).toMatchObject({ outcome: "failed", output: expect.stringContaining("said") });
    expect(resultOf(report, "test_muted")).toMatchObject({ outcome: "failed", muted: true });
    const lines = attempt.artifacts.get("tests.jsonl")?.toString().trim().split("\n") ?? [];
    expect(lines.map((text) => (JSON.parse(text) as TestResult).outcome)).toEqual(["failed", "failed"]);
    expect((await run({ tests: tests.slice(1), muted: tests })).status).toBe("completed");
  });

  test("a test that ends its process is found, and the others are run", async () => {
    const names = ["before", "exits", "faults", "parent", "once", "after"];
    const report = await run({
      tests: [...names.map((name) => `test_ends.py::test_${name}`), "test_import_ends.py::test_never"],
    });
    expect(outcomes(report)).toEqual([
      "test_never crashed",
      "test_before passed",
      "test_exits crashed",
      "test_faults crashed",
      "test_parent crashed",
      "test_once passed",
      "test_after passed",
    ]);
    expect(resultOf(report, "test_exits")?.message).toBe("its process ended with exit code 3, also when it ran alone");
    expect(resultOf(report, "test_faults")?.message).toContain("SIGSEGV");
    expect(resultOf(report, "test_once")?.retries).toBe(1);
    expect(report.recovery?.map(({ succeeded }) => succeeded)).toEqual([false, false, false, false, true]);
    expect(report).toMatchObject({ status: "failed", failure: { class: "assertion" } });
  });

  test("a test that takes too long is ended, and the others are run", async () => {
    const tests = ["test_hangs.py::test_hangs", "test_hangs.py::test_after"];
    const report = await run({ tests, test_timeout_seconds: 1 });
    expect(outcomes(report)).toEqual(["test_hangs timed_out", "test_after passed"]);
    expect(resultOf(report, "test_hangs")?.message).toBe("it ran longer than test_timeout_seconds = 1");
    expect(resultOf(report, "test_hangs")?.duration_seconds).toBeGreaterThanOrEqual(1);
  });

  test("an attempt at its time limit tells what was run until then", async () => {
    const running = run({
      tests: ["test_waits.py::test_first", "test_waits.py::test_waits", "test_good.py::test_one"],
    });
    await until(() => readFile(join(project, "waits"), "utf8"));
    attempt.abort("timeout");
    const report = await running;
    expect(report).toMatchObject({ status: "timed_out", partial: true });
    expect(outcomes(report)).toEqual(["test_first passed", "test_waits timed_out", "test_one not_run"]);
    expect(attempt.artifacts.has("tests.jsonl")).toBe(true);
  });

  test("a process that is killed from outside in the middle loses nothing", async () => {
    await writeFile(join(project, "waits"), "");
    const running = run({
      tests: ["test_waits.py::test_first", "test_waits.py::test_waits", "test_good.py::test_one"],
    });
    const kill = async (): Promise<void> => {
      await until(async () => expect(await readFile(join(project, "waits"), "utf8")).not.toBe(""));
      const pid = Number(await readFile(join(project, "waits"), "utf8"));
      await writeFile(join(project, "waits"), "");
      process.kill(pid, "SIGKILL");
    };
    await kill();
    await kill();
    const report = await running;
    expect(outcomes(report)).toEqual(["test_first passed", "test_waits crashed", "test_one passed"]);
    expect(resultOf(report, "test_waits")?.message).toContain("SIGKILL");
  });

  test("much output and NUL bytes hurt nobody", async () => {
    const report = await run({ tests: ["test_loud.py::test_loud"] });
    const output = resultOf(report, "test_loud")?.output ?? "";
    expect(output.length).toBe(8_000);
    expect(output).not.toContain("\0");
    expect(JSON.stringify(report.tests).length).toBeLessThan(700_000);
  });

  test("what a test leaves running ends with its process", async () => {
    await run({ tests: ["test_leaves.py", "test_moves.py", "test_good.py::test_one"] });
    expect(marked().length).toBeGreaterThan(1);
    await executor.close();
    await until(() => expect(marked()).toEqual([]));
  });

  test("two attempts at the same time have a process each", async () => {
    await run({ tests: ["test_good.py::test_one"] });
    const other = await scratchAttempt();
    const task = { framework: "pytest" as const, workspace: { folder: project }, tests: ["test_good.py::test_two"] };
    const before = (await readFile(join(project, "started"), "utf8")).split("\n").length;
    const reports = await Promise.all([
      run({ tests: ["test_good.py::test_one"] }),
      executor.execute(scratchTask({ type: "suite", config: task }), {
        ...other.context,
        workDir: attempt.context.workDir + "-2",
      }),
    ]);
    expect(reports.flatMap(outcomes)).toEqual(["test_one passed", "test_two passed"]);
    expect((await readFile(join(project, "started"), "utf8")).split("\n")).toHaveLength(before + 1);
    await other.remove();
  });

  test("it tells which versions it found", async () => {
    const facts = await platform.facts();
    const { cacheDir, env, clock } = attempt.context;
    const { software } = await executor.capabilities({ facts, cacheDir, env, clock });
    expect(software).toMatchObject({ python: expect.stringMatching(/^3\./), pytest: expect.stringMatching(/^\d/) });
  });
});

test("a folder that is not there, and a framework that is not, are failures of the set-up", async () => {
  const task = { framework: "pytest" as const, tests: ["test_x.py"] };
  const execute = (config: Partial<SuiteConfig> & Pick<SuiteConfig, "workspace">, env = process.env) =>
    executor.execute(scratchTask({ type: "suite", config: { ...task, ...config } }), { ...attempt.context, env });
  await expect(execute({ workspace: { folder: "/not/there" } })).rejects.toMatchObject({
    code: "workspace_incomplete",
  });
  await expect(execute({ workspace: { root: "0".repeat(64) } })).rejects.toMatchObject({
    code: "workspace_incomplete",
  });
  const nothing = execute({ workspace: { folder: project } }, { PATH: "/nothing" });
  await expect(nothing).rejects.toMatchObject({ code: "framework_missing" });
});

test("a snapshot becomes a folder with what its steps make; a step that fails, or is told to stop, leaves nothing behind", async () => {
  const { blobs, context } = attempt;
  const text = `import { test } from "node:test"; import { readFileSync } from "node:fs"; readFileSync("made"); test("a", () => {});`;
  const folder = mkdtempSync(join(tmpdir(), "assay-suite-"));
  writeFileSync(join(folder, "a.test.mjs"), text);
  const sink = {
    missingBlobs: async (sha256s: readonly string[]) => sha256s.filter((sha256) => !blobs.has(sha256)),
    putBlobs: async (all: AsyncIterable<{ sha256: string; bytes: Uint8Array }>) => {
      for await (const { sha256, bytes } of all) blobs.set(sha256, Buffer.from(bytes));
    },
    putBlob: () => Promise.reject(new Error("there is no large one")),
  };
  const { root } = await shipFolder(folder, sink, { env: process.env });
  rmSync(folder, { recursive: true });
  const execute = (line: string, env: Record<string, string> = {}) => {
    const setup = [{ run: line }];
    const config = { framework: "node-test" as const, workspace: { root }, tests: ["a.test.mjs"], setup, env };
    return executor.execute(scratchTask({ type: "suite", config }), context);
  };
  const report = await execute('echo "$WORD" > made; echo step said so', { WORD: "w" });
  expect([report.status, outcomes(report)]).toEqual(["completed", ["a.test.mjs > a passed"]]);
  expect(attempt.shown.stdout).toContain("step said so\n");
  await expect(execute("echo the reason; exit 7")).rejects.toMatchObject({
    code: "setup_step_failed",
    message: expect.stringContaining("exit code 7: the reason") as string,
  });
  const endless = execute("touch $TMPDIR/begun; sleep 3600 & sleep 3600", { TMPDIR: dirname(context.cacheDir) });
  const ended = expect(endless).rejects.toBe("cancelled");
  await until(() => expect(existsSync(join(dirname(context.cacheDir), "begun"))).toBe(true));
  attempt.abort("cancelled");
  await ended;
  await executor.close();
  await until(() => expect(marked()).toEqual([]));
  expect(readdirSync(join(context.cacheDir, "workspaces", "folders"))).toEqual([]);
});
