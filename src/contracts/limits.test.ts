import { expect, test } from "vitest";
import { checkedTask } from "./checks/task-check.ts";
import { taskSpec } from "./task.ts";

const task = (limits: unknown): unknown => ({ task_id: "t", type: "command", config: { command: "true" }, limits });

test.each([
  [{ memory_mb: 0 }, "limits.memory_mb"],
  [{ memory_mb: "1g" }, "limits.memory_mb"],
  [{ cpu: 0 }, "limits.cpu"],
  [{ cpu: Number.NaN }, "limits.cpu"],
  [{ processes: 1.5 }, "limits.processes"],
  [{ disk_mb: -1 }, "limits.disk_mb"],
  [{ output_mb: null }, "limits.output_mb"],
  [{ sandbox: "yes" }, "limits.sandbox"],
  [{ memory_gb: 1 }, "limits"],
  [5, "limits"],
])("%j is refused, with its place", (limits, place) => {
  const checked = taskSpec.safeParse(task(limits));
  expect(checked.error?.issues.map(({ path }) => path.join("."))).toEqual([place]);
  expect(checkedTask(task(limits))).toBeUndefined();
});

test("what can be limited is taken as it is, and nothing is filled in", () => {
  const all = { cpu: 0.5, memory_mb: 1, processes: 1, disk_mb: 1, output_mb: 1, sandbox: true };
  for (const limits of [all, {}, { cpu: 2 }]) {
    expect(taskSpec.parse(task(limits))).toMatchObject({ limits });
    expect(checkedTask(task(limits))).toEqual(taskSpec.parse(task(limits)));
  }
});

test("limits are for commands: other tasks would not be kept to them", () => {
  const plain = taskSpec.parse({ task_id: "t", type: "command", config: { command: "true" } });
  expect(plain).not.toHaveProperty("limits");
  const hardware = { task_id: "t", type: "hardware", limits: { memory_mb: 1 } };
  expect(taskSpec.safeParse(hardware).error?.issues).toMatchObject([{ code: "unrecognized_keys", keys: ["limits"] }]);
  expect(checkedTask(hardware)).toBeUndefined();
});
