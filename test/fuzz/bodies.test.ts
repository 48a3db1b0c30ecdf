import { expect, test } from "vitest";
import { seededRng } from "../../src/base/index.ts";
import { taskSpec } from "../../src/contracts/index.ts";
import { anyTask } from "./bodies.ts";

test("tasks are valid before they are spoilt, and sooner or later have every field and type that a task can have", () => {
  const rng = seededRng(1);
  const tasks = Array.from({ length: 500 }, (_, index) => anyTask(rng, index));
  for (const task of tasks) expect(taskSpec.safeParse(task).error?.issues ?? []).toEqual([]);
  const fields = new Set(tasks.flatMap(Object.keys));
  for (const { shape } of taskSpec.options) {
    expect(Object.keys(shape).filter((field) => !fields.has(field))).toEqual([]);
    expect(tasks.map(({ type }) => type)).toContain(shape.type.value);
  }
});
