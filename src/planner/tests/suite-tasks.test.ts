import { expect, test } from "vitest";
import { project, taskSpec } from "../../contracts/index.ts";
import { batchesOf } from "./batches.ts";
import { suiteTasks } from "./suite-tasks.ts";
import type { SuiteSettings } from "./suite-tasks.ts";
import { withNeeds } from "./test-needs.ts";

const [suite] = project.parse({
  suites: [{ framework: "pytest", arguments: ["-q"], overrides: [{ match: "*slow*", test_timeout_seconds: 9 }] }],
}).suites;

function settings(more: Partial<SuiteSettings> = {}): SuiteSettings {
  if (suite === undefined) throw new Error("no suite");
  return {
    suite,
    workspace: { folder: "/w" },
    directory: ".",
    arguments: ["-x"],
    retries: 1,
    testTimeoutSeconds: 60,
    watch: undefined,
    requireReal: ["torch"],
    muted: ["a.py::muted", "b.test.js > b > muted", "c.test.js > muted"],
    ...more,
  };
}

function tasksFor(ids: readonly string[], repeat?: number) {
  const tests = withNeeds(
    settings().suite,
    ids.map((id) => ({ id, file: "a.py", tags: [] })),
  );
  const batches = batchesOf(tests, { slots: 1, past: () => ({ expectedSeconds: 20, risk: 3 }) });
  return suiteTasks(batches, settings(), repeat);
}

test("ids of any characters make distinct tasks that every coordinator takes", () => {
  const ids = ["a.py::x[\n]", "a.py::x[ ]", "a.py::x[😀]", `a.py::${"y".repeat(4_000)}`, "-", "a.py::plain"];
  const tasks = tasksFor(ids, 2);
  const parsed = tasks.map((task) => taskSpec.parse(task));
  expect(new Set(parsed.map(({ task_id }) => task_id)).size).toBe(ids.length * 2);
  expect(parsed.map(({ task_id }) => task_id)).toContain("pytest/a.py::plain@2");
});

test("a task has what its suite, its tests and the caller say", () => {
  const [first, slow] = tasksFor(["a.py::muted", "a.py::slow"]);
  expect(first).toMatchObject({
    type: "suite",
    priority: 53,
    config: {
      framework: "pytest",
      tests: ["a.py::muted"],
      arguments: ["-q", "-x"],
      muted: ["a.py::muted"],
      retries: 1,
      test_timeout_seconds: 60,
      require_real: ["torch"],
      expected_seconds: 20,
    },
  });
  const [file] = tasksFor(["b.test.js"]);
  expect(file?.config).toMatchObject({ muted: ["b.test.js > b > muted"] });
  expect(slow?.config).toMatchObject({ tests: ["a.py::slow"], test_timeout_seconds: 9, muted: [] });
});
