import { expect, test } from "vitest";
import { taskSpec } from "../contracts/index.ts";
import type { TaskSpecInput } from "../contracts/index.ts";
import { shortTask } from "./short-task.ts";

const tasks: TaskSpecInput[] = [
  { task_id: "plain", type: "command", config: { command: "true" } },
  {
    task_id: "list",
    type: "command",
    config: { command: ["a", "b"], env: { A: "1" }, artifacts: ["*.txt"], cwd: "/" },
  },
  {
    task_id: "all",
    type: "model",
    priority: 0,
    timeout_seconds: 1,
    requirements: { hardware: ["cpu"] },
    retry_policy: { max_retries: 2, retry_delay_seconds: 0 },
    depends_on: ["plain"],
    labels: { team: "x" },
    resources: { cpu: 1 },
    fallback: [{ hardware: ["cpu"], after_seconds: 1 }],
    config: { model: "bert" },
  },
  { task_id: "free", type: "browser", config: { env: {}, artifacts: [] } },
];

test.each(tasks)("$task_id becomes shorter and means the same", (task) => {
  const { task_id: taskId, ...spec } = taskSpec.parse(task);
  expect(taskSpec.parse(shortTask({ taskId, spec }))).toEqual({ task_id: taskId, ...spec });
});

test("what the schema fills in again is left out", () => {
  const [plain] = tasks;
  const { task_id: taskId, ...spec } = taskSpec.parse(plain);
  expect(shortTask({ taskId, spec })).toStrictEqual(plain);
});
