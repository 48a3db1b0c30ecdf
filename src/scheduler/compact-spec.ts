import type { TaskSpec } from "../contracts/index.ts";

type WithoutId<Spec> = Spec extends TaskSpec ? Omit<Spec, "task_id"> : never;
/** What a task asks for, but for its id: tasks of a run that ask for the same share one. */
export type SharedSpec = WithoutId<TaskSpec>;

/** The spec of a task without its id: the one of the task before it when that is equal, else with whatever parts are. */
export function sharedSpec(spec: TaskSpec, before: SharedSpec | undefined): SharedSpec {
  if (before !== undefined && isSame(spec, before)) return before;
  const { task_id: _, ...own } = spec;
  const made = own as Record<string, unknown>;
  const others = before as Record<string, unknown> | undefined;
  for (const key in others) {
    const value = made[key];
    // Texts and numbers are not worth it.
    if (typeof value === "object" && isEqual(value, others[key])) made[key] = others[key];
  }
  // Field by field the same values under the same names.
  return made as SharedSpec;
}

function isSame(spec: TaskSpec, before: SharedSpec): boolean {
  let fields = 1;
  for (const key in before) {
    if (!isEqual((spec as Record<string, unknown>)[key], (before as Record<string, unknown>)[key])) return false;
    fields += 1;
  }
  for (const _ in spec) fields -= 1;
  return fields === 0;
}

/** The whole spec, as it was submitted. */
export function wholeSpec(task: { taskId: string; spec: SharedSpec }): TaskSpec {
  return { task_id: task.taskId, ...task.spec };
}

/** Equality of JSON values. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  let keys = 0;
  for (const key in a) {
    if (!isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
    keys += 1;
  }
  for (const _ in b) keys -= 1;
  return keys === 0;
}
