import { expect, test } from "vitest";
import { taskSpec } from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";
import { JsonMemo, TaskJsonMemo, jsonText } from "./json-text.ts";

test("a task's remembered text is that of the task itself", () => {
  const first = taskSpec.parse({ task_id: "a", type: "command", config: { command: "true" } });
  const { priority, ...others } = first;
  const tasks: TaskSpec[] = [
    first,
    { ...first, task_id: "b" },
    { ...first, task_id: 'c"\\' },
    { ...first, task_id: "d", priority: 1 },
    // The same fields in another order, and with the id in another place.
    { ...others, priority },
    { ...others, priority, task_id: "e" },
    { priority, ...others, task_id: "f" } as TaskSpec,
    { priority, ...others, task_id: "g" } as TaskSpec,
    first,
  ];
  const memo = new TaskJsonMemo();
  expect(tasks.map((task) => memo.of(task))).toEqual(tasks.map((task) => JSON.stringify(task)));
});

test("an equal object is not the same object", () => {
  const memo = new JsonMemo();
  const value = { a: 1 };
  expect([memo.of(value), memo.of(value), memo.of({ a: 2 }), memo.of({})]).toEqual([
    '{"a":1}',
    '{"a":1}',
    '{"a":2}',
    "{}",
  ]);
  expect(jsonText({ a: "x\0\ud800" })).toBe('{"a":"x�"}');
});
