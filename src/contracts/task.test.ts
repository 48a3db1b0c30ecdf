import { expect, test } from "vitest";
import { shortTask, taskSpec } from "./task.ts";
import type { TaskSpecInput } from "./task.ts";

const tasks: TaskSpecInput[] = [
  { task_id: "a", type: "command", config: { command: "true" } },
  {
    task_id: "b",
    type: "command",
    priority: 0,
    config: { command: ["x"], env: { A: "1" }, artifacts: ["*.log"] },
    depends_on: ["a"],
  },
  {
    task_id: "c",
    type: "model",
    timeout_seconds: 5,
    retry_policy: { max_retries: 0 },
    config: { model: "m", batch_sizes: [2] },
  },
  { task_id: "d", type: "hardware", labels: { a: "b" }, resources: { cpu: 1 }, requirements: { hardware: ["cpu"] } },
  {
    task_id: "e",
    type: "api",
    config: { env: {}, artifacts: [] },
    fallback: [{ hardware: ["cpu"], after_seconds: 3 }],
  },
];

test.each(tasks)("a short task is the same task: $task_id", (task) => {
  const spec = taskSpec.parse(task);
  const short = shortTask(spec);
  expect(JSON.stringify(short).length).toBeLessThanOrEqual(JSON.stringify(spec).length);
  expect(taskSpec.parse(short)).toEqual(spec);
});

test("a task of defaults is as short as it was written", () => {
  expect(shortTask(taskSpec.parse(tasks[0]))).toEqual(tasks[0]);
});
