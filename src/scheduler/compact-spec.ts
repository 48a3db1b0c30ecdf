import type { TaskSpec } from "../contracts/index.ts";

type WithoutId<Spec> = Spec extends TaskSpec ? Omit<Spec, "task_id"> : never;
/** What a task asks for, but for its id: tasks of a run that ask for the same share one. */
export type SharedSpec = WithoutId<TaskSpec>;

/** The spec of a task without its id: the one of the task before it when that is equal, else with whatever parts are. */
export function sharedSpec(spec: TaskSpec, before: SharedSpec | undefined): SharedSpec {
  const { task_id: _, ...own } = spec;
  if (before === undefined) return own;
  let isSame = Object.keys(before).length === Object.keys(own).length;
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(own) as [string, unknown][]) {
    const other: unknown = Reflect.get(before, key);
    const equal = isEqual(value, other);
    isSame &&= equal;
    made[key] = equal ? other : value;
  }
  // Field by field the same values under the same names.
  return isSame ? before : (made as SharedSpec);
}

/** The whole spec, as it was submitted. */
export function wholeSpec(task: { taskId: string; spec: SharedSpec }): TaskSpec {
  return { task_id: task.taskId, ...task.spec };
}

/** Equality of JSON values. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(Reflect.get(a, key), Reflect.get(b, key)));
}
