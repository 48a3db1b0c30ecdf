import type { TaskSpec } from "../contracts/index.ts";

/** Keys of a task that a number can name one by one. */
const MAX_KEYS = 30;
const WHOLE = 0;

type Fields = Record<string, unknown>;

/** Where the parts of tasks go. */
export interface PartWriter {
  uint(value: number): void;
  text(text: string): void;
  value(value: unknown): void;
}

/** Where they come from, in the same order. */
export interface PartReader {
  uint(): number;
  text(): string;
  value(): unknown;
}

export function areTasks(value: unknown): boolean {
  return Array.isArray(value) && value.every((one: Fields | null) => typeof one?.["task_id"] === "string");
}

/**
 * Tasks of a run are much alike: each is told by what differs from the one before. Fields that are equal come back as the same
 * object, so that a run of a thousand tasks holds its settings once; the order of the keys is kept.
 */
export function writeTasks(tasks: readonly TaskSpec[], out: PartWriter): void {
  out.uint(tasks.length);
  let before: Fields | undefined;
  for (const task of tasks) {
    const fields: Fields = task;
    const changed = before && changedFields(before, fields);
    if (changed === undefined) {
      out.uint(WHOLE);
      out.value(task);
    } else {
      out.uint(changed.mask + 1);
      for (const value of changed.values) out.value(value);
      out.text(task.task_id);
    }
    before = fields;
  }
}

export function readTasks(from: PartReader): TaskSpec[] {
  const tasks: TaskSpec[] = [];
  const count = from.uint();
  let before: TaskSpec | undefined;
  let keys: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const code = from.uint();
    if (code === WHOLE || !before) {
      before = from.value() as TaskSpec;
      keys = Object.keys(before);
    } else {
      before = { ...before };
      if (code > 1) assignChanged(before, { mask: code - 1, keys, from });
      before.task_id = from.text();
    }
    tasks.push(before);
  }
  return tasks;
}

function assignChanged(task: Fields, { mask, keys, from }: { mask: number; keys: string[]; from: PartReader }): void {
  for (const [place, key] of keys.entries()) if (mask & (1 << place)) task[key] = from.value();
}

/** The fields besides `task_id` that differ, or undefined when the tasks have not the same keys in the same order. */
function changedFields(before: Fields, task: Fields): { mask: number; values: unknown[] } | undefined {
  const keys = Object.keys(before);
  if (keys.length > MAX_KEYS) return undefined;
  const values: unknown[] = [];
  let mask = 0;
  let place = 0;
  for (const key in task) {
    const value = task[key];
    // A key without a value is left out when it is stored, so its place cannot be counted.
    if (key !== keys[place] || value === undefined || before[key] === undefined) return undefined;
    if (key !== "task_id" && !isSame(before[key], value)) {
      mask |= 1 << place;
      values.push(value);
    }
    place += 1;
  }
  return place === keys.length ? { mask, values } : undefined;
}

/** Equal as JSON text would be, with the keys in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const others = Object.keys(b);
  let place = 0;
  for (const key in a) {
    if (key !== others[place] || !isSame((a as Fields)[key], (b as Fields)[key])) return false;
    place += 1;
  }
  return place === others.length;
}
