import { taskSpec } from "../task.ts";
import type { TaskSpec } from "../task.ts";
import { ObjectCheck } from "./object-check.ts";
import type { Shortcut } from "./object-check.ts";
import { identifierText, numberBetween, wholeNumber } from "./shortcuts.ts";

type Kind = (typeof taskSpec.options)[number];

const command = new ObjectCheck(taskSpec.options[0].shape.config, {
  command: (value) => (typeof value === "string" && value !== "" ? value : undefined),
});

const checks = new Map<unknown, (value: unknown) => TaskSpec | undefined>(
  taskSpec.options.map((kind) => [kind.shape.type.value, kindCheck(kind)]),
);

function kindCheck(kind: Kind): (value: unknown) => TaskSpec | undefined {
  const type = kind.shape.type.value;
  const sameType: Shortcut = (value) => (value === type ? type : undefined);
  const { check } = new ObjectCheck(kind, {
    task_id: identifierText,
    type: sameType,
    priority: wholeNumber(0, 100),
    timeout_seconds: numberBetween(Number.MIN_VALUE, 604_800),
    ...(type === "command" ? { config: command.check } : {}),
  });
  return check;
}

/** What the schema of tasks makes of a value, in less time; undefined when the schema must be asked. */
export function checkedTask(value: unknown): TaskSpec | undefined {
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  return checks.get(value.type)?.(value);
}
