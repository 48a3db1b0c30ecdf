import { describe, expect, it } from "vitest";
import { suite } from "./suite.ts";
import { faultsFromIssues, fieldPath } from "./zod-faults.ts";

const task = { task_id: "a", type: "command", config: { command: "true" } };

function faultsFor(document: unknown): string[] {
  const { error } = suite.safeParse(document);
  return faultsFromIssues(error?.issues ?? [], "suite").map(
    ({ code, message, path }) => `${code} ${path ?? "-"}: ${message}`,
  );
}

const faultsForTask = (more: object): string[] => faultsFor({ name: "s", tasks: [{ ...task, ...more }] });

describe("faultsFromIssues", () => {
  it("names every unknown field by its path", () => {
    expect(faultsForTask({ priorty: 1, config: { command: "true", shell: "sh" } })).toEqual([
      "unknown_field tasks[0].config.shell: tasks[0].config.shell is not a field of tasks[0].config",
      "unknown_field tasks[0].priorty: tasks[0].priorty is not a field of tasks[0]",
    ]);
    expect(faultsFor({ name: "s", task: [], tasks: [task] })).toEqual([
      "unknown_field task: task is not a field of a suite",
    ]);
  });

  it.each([
    [{ task_id: undefined }, "tasks[0].task_id is missing"],
    [{ config: {} }, "tasks[0].config.command is missing"],
    [{ config: { command: 7 } }, "tasks[0].config.command must be a text or a list"],
    [{ config: { command: [] } }, "tasks[0].config.command must have at least 1 item"],
    [{ type: "comand" }, "tasks[0].type must be one of command, model, benchmark, hardware, api, suite, browser"],
    [{ priority: 1.5 }, "tasks[0].priority must be a whole number"],
    [{ priority: 101 }, "tasks[0].priority must be at most 100"],
    [{ timeout_seconds: 0 }, "tasks[0].timeout_seconds must be more than 0"],
    [{ labels: { "": "x" } }, 'tasks[0].labels[""] has a key that must have at least 1 character'],
    [{ labels: "x" }, "tasks[0].labels must be a mapping"],
    [
      { type: "model", config: { model: "m", precision: "fp8" } },
      "tasks[0].config.precision must be one of fp32, fp16, bf16, int8, q4",
    ],
    [
      { type: "model", config: { model: "m", batch_sizes: [1, 0] } },
      "tasks[0].config.batch_sizes[1] must be at least 1",
    ],
  ])("says what is wrong with %j", (more, message) => {
    expect(faultsForTask(more)).toEqual([`invalid_field ${message.split(" ")[0]}: ${message}`]);
  });

  it("speaks of the whole document when there is no path", () => {
    expect(faultsFor("text")).toEqual(["invalid_field -: the suite must be a mapping"]);
  });
});

describe("fieldPath", () => {
  it("quotes keys that are not plain words", () => {
    expect(fieldPath(["tasks", 2, "labels", "a b", "rack-1"])).toBe('tasks[2].labels["a b"].rack-1');
    expect(fieldPath([])).toBe("");
  });
});
