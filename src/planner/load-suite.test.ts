import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AssayError } from "../base/index.ts";
import { MAX_SUITE_BYTES, MAX_TASKS_PER_RUN } from "../contracts/index.ts";
import { loadSuite, parseSuite } from "./index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-planner-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes a suite file and gives the error of loading it, as a person would meet it. */
async function refusal(content: string | Uint8Array): Promise<string> {
  const file = join(folder, "suite.yaml");
  await writeFile(file, content);
  return describeError(await loadSuite(file, { cwd: folder }).catch((error: unknown) => error));
}

function describeError(error: unknown): string {
  if (!(error instanceof AssayError)) throw new Error("expected an AssayError", { cause: error });
  const { line, column, path } = error.details;
  const [lineText, columnText, pathText] = [line, column, path].map((value) =>
    value === undefined ? "-" : JSON.stringify(value),
  );
  const place = `${lineText}:${columnText} ${pathText?.replace(/^"(.*)"$/, "$1")}`;
  return `${error.code} ${place}: ${error.message.replaceAll(folder, "DIR")}`;
}

const command = (id: string, more = ""): string =>
  `  - { task_id: ${id}, type: command, config: { command: "true" }${more} }\n`;

describe("loadSuite", () => {
  it("reads YAML with comments, anchors and a byte order mark", async () => {
    const file = join(folder, "good.yaml");
    const text = `\uFEFF# first\nname: nightly\ntasks:\n${command("a", ", labels: &l { team: ml }")}${command("b", ", labels: *l, depends_on: [a]")}`;
    await writeFile(file, text);
    const { suite } = await loadSuite(file, { cwd: folder });
    expect(suite.name).toBe("nightly");
    expect(suite.tasks.map((task) => [task.task_id, task.labels, task.depends_on])).toEqual([
      ["a", { team: "ml" }, []],
      ["b", { team: "ml" }, ["a"]],
    ]);
  });

  it("reads JSON and knows its lines", () => {
    const document = { name: "s", tasks: [{ task_id: "a", type: "command", config: { command: ["true"] } }] };
    const loaded = parseSuite(JSON.stringify(document, null, 2), "s.json");
    expect(loaded.suite.tasks[0]?.config).toEqual({ command: ["true"], env: {}, artifacts: [] });
    expect(loaded.placeOf("tasks[0].config.command")).toEqual({ line: 8, column: 9 });
    expect(loaded.placeOf("tasks[0].retry_policy.max_retries")).toEqual({ line: 4, column: 5 });
  });

  it("accepts the examples", async () => {
    const { suite } = await loadSuite("examples/first-suite.yaml", { cwd: join(import.meta.dirname, "..", "..") });
    expect(suite.tasks.map(({ type }) => type)).toEqual([
      "command",
      "command",
      "model",
      "model",
      "benchmark",
      "command",
    ]);
  });

  it("accepts the example of the scheduler, which uses all that it can be told", async () => {
    const { suite, submission } = await loadSuite("examples/scheduling.yaml", {
      cwd: join(import.meta.dirname, "..", ".."),
    });
    expect(submission.pool).toBe("nightly");
    const used = new Set(suite.tasks.flatMap((task) => Object.keys(task).filter((key) => key in task)));
    expect([...used]).toEqual(
      expect.arrayContaining(["resources", "fallback", "group", "priority", "preemptible", "hedge"]),
    );
  });

  it("merges defaults into tasks: mappings key by key, everything else replaced", () => {
    const { suite } = parseSuite(
      `
name: s
defaults:
  priority: 80
  timeout_seconds: 60
  retry_policy: { max_retries: 5 }
  requirements: { hardware: [cuda, cpu], min_memory_gb: 8 }
  labels: { team: ml, tier: nightly }
tasks:
${command("a")}${command("b", ", priority: 10, retry_policy: { retry_delay_seconds: 3 }, requirements: { hardware: [cpu] }, labels: { tier: quick }")}`,
      "s.yaml",
    );
    const [a, b] = suite.tasks;
    expect(a).toMatchObject({
      priority: 80,
      timeout_seconds: 60,
      retry_policy: { max_retries: 5, retry_delay_seconds: 1 },
    });
    expect(b).toMatchObject({
      priority: 10,
      timeout_seconds: 60,
      retry_policy: { max_retries: 5, retry_delay_seconds: 3 },
    });
    expect(b?.requirements).toEqual({ hardware: ["cpu"], min_memory_gb: 8 });
    expect(b?.labels).toEqual({ team: "ml", tier: "quick" });
  });
});

describe("loadSuite refuses", () => {
  it.each([
    [
      "an unknown field of a task",
      `name: s\ntasks:\n  - task_id: a\n    type: command\n    comand: x\n    config: { command: x }\n`,
      "unknown_field 5:5 tasks[0].comand: tasks[0].comand is not a field of tasks[0]",
    ],
    [
      "an unknown field of the suite",
      `name: s\ntask: []\ntasks:\n${command("a")}`,
      "unknown_field 2:1 task: task is not a field of a suite",
    ],
    [
      "an unknown default, once",
      `name: s\ndefaults:\n  config: {}\ntasks:\n${command("a")}`,
      "unknown_field 3:3 defaults.config: defaults.config is not a field of defaults",
    ],
    [
      "a wrong default, once",
      `name: s\ndefaults:\n  priority: high\ntasks:\n${command("a")}`,
      "invalid_field 3:3 defaults.priority: defaults.priority must be a number",
    ],
    [
      "a wrong list item",
      `name: s\ntasks:\n  - task_id: a\n    type: model\n    config:\n      model: m\n      batch_sizes:\n        - 1\n        - 0\n`,
      "invalid_field 9:11 tasks[0].config.batch_sizes[1]: tasks[0].config.batch_sizes[1] must be at least 1",
    ],
    [
      "a missing field, at its parent",
      `name: s\ntasks:\n  - task_id: a\n    type: command\n    config: {}\n`,
      "invalid_field 5:5 tasks[0].config.command: tasks[0].config.command is missing",
    ],
    [
      "resources that contradict each other",
      `name: s\ntasks:\n  - task_id: a\n    type: command\n    config: { command: x }\n    resources:\n      gpu: 0\n      gpu_memory_gb: 8\n`,
      "invalid_field 8:7 tasks[0].resources.gpu_memory_gb: tasks[0].resources.gpu_memory_gb is not valid: contradicts gpu: 0",
    ],
    [
      "a lock that is named twice",
      `name: s\ntasks:\n${command("a", ", resources: { locks: [db, db] }")}`,
      "invalid_field 3:76 tasks[0].resources.locks: tasks[0].resources.locks is not valid: names a lock twice",
    ],
    [
      "a condition that there is not",
      `name: s\ntasks:\n${command("a")}${command("b", ", depends_on: [{ task: a, condition: maybe }]")}`,
      "invalid_field 4:87 tasks[1].depends_on[0].condition: tasks[1].depends_on[0].condition must be one of success, failure, always",
    ],
    ["a suite without tasks", `name: s\ntasks: []\n`, "invalid_field 2:1 tasks: tasks must have at least 1 item"],
    ["an empty file", ``, "invalid_field -:- -: the file is empty"],
    ["a list", `- a\n`, "invalid_field 1:1 -: the suite must be a mapping"],
    [
      "broken YAML",
      `name: s\ntasks:\n  - [a\n`,
      "invalid_syntax 4:1 -: flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    [
      "broken JSON",
      `{\n  "name": "s",\n  "tasks": [}\n}\n`,
      "invalid_syntax 3:13 -: flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a tab as indentation", `name: s\ntasks:\n\t- a\n`, "invalid_syntax 3:1 -: tabs are not allowed as indentation"],
    [
      "a tag",
      `name: !!binary aGk=\n`,
      "invalid_syntax 1:7 -: unresolved tag: tag:yaml.org,2002:binary; only plain values are allowed",
    ],
    [
      "a custom tag",
      `name: !js/function "x"\n`,
      "invalid_syntax 1:7 -: unresolved tag: !js/function; only plain values are allowed",
    ],
    ["two documents", `name: s\n---\nname: t\n`, "invalid_syntax 2:1 -: the file holds more than one document"],
    [
      "a key that stands twice in YAML",
      `name: s\nname: t\n`,
      "invalid_syntax 2:1 -: the key name stands twice in one mapping",
    ],
    [
      "a key that stands twice in JSON",
      `{"name": "s",\n "tasks": [{"name": "{"}],\n "name": "t"}`,
      "invalid_syntax 3:2 -: the key name stands twice in one mapping",
    ],
    [
      "an alias that is not defined",
      `name: *nowhere\n`,
      "invalid_syntax 1:7 -: there is no anchor nowhere before this alias",
    ],
    ["a circle of aliases", `&a [*a]\n`, "invalid_syntax -:- -: the file is nested too deeply"],
    [
      "two tasks of one id",
      `name: s\ntasks:\n${command("a")}${command("b")}${command("a")}`,
      "duplicate_task_id 5:7 tasks[2].task_id: tasks[0] and tasks[2] both have the task_id a",
    ],
    [
      "a dependency that is not there",
      `name: s\ntasks:\n${command("a", ", depends_on: [b]")}`,
      "missing_dependency 3:76 tasks[0].depends_on[0]: task a depends on b, which the suite does not have",
    ],
    [
      "a circle of tasks",
      `name: s\ntasks:\n${command("a", ", depends_on: [c]")}${command("b", ", depends_on: [a]")}${command("c", ", depends_on: [b]")}`,
      "cyclic_dependency 3:63 tasks[0].depends_on: tasks depend on each other in a circle: a → c → b → a",
    ],
  ])("%s", async (_what, text, message) => {
    expect(await refusal(text)).toBe(message);
  });

  it("a file that is not there, and a folder", async () => {
    const missing = await loadSuite("nowhere.yaml", { cwd: folder }).catch((error: unknown) => error);
    expect(describeError(missing)).toMatch(/^suite_not_found .*nowhere.yaml does not exist$/);
    expect(describeError(await loadSuite(folder, { cwd: "/" }).catch((error: unknown) => error))).toMatch(
      /^suite_not_found .* is a folder, not a file$/,
    );
  });

  it("text that is not UTF-8", async () => {
    const latin1 = Buffer.from("name: caf\xe9\n", "latin1");
    expect(await refusal(latin1)).toBe("invalid_encoding -:- -: DIR/suite.yaml is not UTF-8 text");
    expect(await refusal(Buffer.from("\uFEFFname: s\n", "utf16le"))).toMatch(/^invalid_encoding/);
  });

  it("a file over the limit, but not one at the limit", async () => {
    const start = `name: s\ntasks:\n${command("a")}#`;
    const atLimit = start + "x".repeat(MAX_SUITE_BYTES - start.length);
    expect(await refusal(`${atLimit}x`)).toMatch(/^suite_too_large/);
    const file = join(folder, "large.yaml");
    await writeFile(file, atLimit);
    expect((await loadSuite(file, { cwd: folder })).suite.tasks).toHaveLength(1);
  });

  it("more tasks than a run may have", async () => {
    const tasks = Array.from({ length: MAX_TASKS_PER_RUN + 1 }, () => 0);
    expect(await refusal(JSON.stringify({ name: "s", tasks }))).toBe(
      "too_many_tasks 1:13 tasks: the suite has 200001 tasks, more than 200000",
    );
  });

  it("aliases that blow up", async () => {
    const levels = Array.from({ length: 9 }, (_, index) => {
      const items = Array.from({ length: 10 }, () => (index === 0 ? "x" : `*l${index - 1}`));
      return `k${index}: &l${index} [${items.join(", ")}]\n`;
    });
    expect(await refusal(levels.join(""))).toMatch(/^invalid_syntax .* the file holds more than 4000000 values/);
  });

  it.each([
    ["YAML", `name: ${"[".repeat(20_000)}`],
    ["JSON", `{"name": ${"[".repeat(20_000)}${"]".repeat(20_000)}}`],
  ])("deep nesting in %s", async (_language, text) => {
    expect(await refusal(text)).toMatch(/^invalid_syntax .* the file is nested too deeply$/);
  });

  it("and lists everything that is wrong", () => {
    const text = `name: s\ntasks:\n  - task_id: a\n    type: command\n    config: { command: x }\n    priority: 200\n    timeout: 5\n`;
    const error: unknown = catchError(() => parseSuite(text, "s.yaml"));
    expect(error).toMatchObject({
      code: "invalid_field",
      details: {
        file: "s.yaml",
        line: 6,
        column: 5,
        path: "tasks[0].priority",
        others: [
          { message: "tasks[0].timeout is not a field of tasks[0]", path: "tasks[0].timeout", line: 7, column: 5 },
        ],
      },
    });
  });
});

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error");
}
