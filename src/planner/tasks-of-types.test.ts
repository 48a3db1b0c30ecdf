import { expect, test } from "vitest";
import { parseSuite } from "./load-suite.ts";
import { tasksOfTypes } from "./tasks-of-types.ts";

const text = `
name: mixed
tasks:
  - { task_id: unused, type: command, config: { command: "true" } }
  - { task_id: prepare, type: command, config: { command: "true" } }
  - { task_id: start, type: command, config: { command: "true" }, depends_on: [prepare] }
  - { task_id: check, type: api, config: { url: "http://127.0.0.1/" }, depends_on: [{ task: start }] }
  - { task_id: machine, type: hardware }
`;
const loaded = parseSuite(text, "mixed.yaml");
const ids = (...types: Parameters<typeof tasksOfTypes>[1]): string[] =>
  tasksOfTypes(loaded, types).suite.tasks.map(({ task_id }) => task_id);

test("keeps the tasks of a type, with all that they wait for", () => {
  expect(ids("api")).toEqual(["prepare", "start", "check"]);
  expect(ids("hardware")).toEqual(["machine"]);
  expect(ids("hardware", "api")).toEqual(["prepare", "start", "check", "machine"]);
  const { submission } = tasksOfTypes(loaded, ["hardware"]);
  expect(submission.tasks).toEqual([{ task_id: "machine", type: "hardware" }]);
});

test("what is found wrong later is still shown at its line of the file", () => {
  const { placeOf } = tasksOfTypes(loaded, ["api"]);
  expect(placeOf("tasks[2].config.url")).toEqual(loaded.placeOf("tasks[3].config.url"));
  expect(placeOf("name")).toEqual(loaded.placeOf("name"));
});

test("nothing left is an error that says what there is", () => {
  expect(() => ids("model", "benchmark")).toThrow(
    "mixed.yaml has no task of type model or benchmark: its tasks are of type command, api, hardware",
  );
});
