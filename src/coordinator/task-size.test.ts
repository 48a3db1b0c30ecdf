import { expect, test } from "vitest";
import { MAX_TASK_BYTES, MAX_TASK_DEPTH, taskSpec } from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";
import { tasksAsJson } from "./task-size.ts";

const small = taskSpec.parse({ task_id: "small", type: "command", config: { command: "true" } });
const free = (config: object): TaskSpec => taskSpec.parse({ task_id: "free", type: "api", config });
/** `depth` objects inside each other. */
const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) });

test("gives the tasks as JSON", () => {
  const text = tasksAsJson([small, free({ url: "x" })]);
  expect(text.ok && (JSON.parse(`[${text.value}]`) as unknown)).toEqual([small, free({ url: "x" })]);
});

test.each([
  { what: "too large", task: free({ data: "x".repeat(MAX_TASK_BYTES) }), says: /Task free is larger/ },
  { what: "too large in UTF-8", task: free({ data: "€".repeat(MAX_TASK_BYTES / 3) }), says: /Task free is larger/ },
  {
    what: "a dangerous key",
    task: { ...free({}), config: JSON.parse('{"a":{"__proto__":1}}') as Record<string, never> } as TaskSpec,
    says: /__proto__/,
  },
  { what: "too deep", task: free(nested(MAX_TASK_DEPTH)), says: /nested more than 24 levels/ },
])("refuses what is $what, and says where", ({ task, says }) => {
  const message = expect.stringMatching(says) as string;
  expect(tasksAsJson([small, task])).toMatchObject({
    ok: false,
    error: { code: "invalid_field", message, path: "tasks[1]" },
  });
});

test("takes the deepest task that is allowed", () => {
  expect(tasksAsJson([free(nested(MAX_TASK_DEPTH - 1))]).ok).toBe(true);
});
