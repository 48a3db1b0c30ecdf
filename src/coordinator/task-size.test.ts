import { expect, test } from "vitest";
import { MAX_TASK_BYTES, MAX_TASK_DEPTH, taskSpec } from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";
import { survey } from "./survey.ts";
import { unfitTask } from "./task-size.ts";

const free = (config: object): TaskSpec => taskSpec.parse({ task_id: "free", type: "browser", config });
/** `depth` objects inside each other. */
const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) });

const problemOf = (task: TaskSpec): unknown => unfitTask(task, survey(task), "tasks[1]");

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
  expect(problemOf(task)).toMatchObject({ code: "invalid_field", message, path: "tasks[1]" });
});

test("takes the deepest and the largest task that is allowed", () => {
  expect(problemOf(free(nested(MAX_TASK_DEPTH - 1)))).toBeUndefined();
  const overhead = JSON.stringify(free({ data: "" })).length;
  expect(problemOf(free({ data: "x".repeat(MAX_TASK_BYTES - overhead) }))).toBeUndefined();
});
