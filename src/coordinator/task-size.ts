import { err, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { fault, MAX_TASK_BYTES, MAX_TASK_DEPTH } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";

/**
 * The tasks as JSON, or what is wrong with the first that would not travel whole: too large for a frame, nested too deeply, or
 * with a key that decoders change.
 */
export function tasksAsJson(tasks: readonly TaskSpec[]): Result<string, Fault> {
  const texts: string[] = [];
  for (const [index, task] of tasks.entries()) {
    const text = JSON.stringify(task);
    const problem = problemOf(task, text);
    if (problem) return err(fault("invalid_field", problem.message, { ...problem.hint, path: `tasks[${index}]` }));
    texts.push(text);
  }
  return ok(texts.join());
}

function problemOf(task: TaskSpec, text: string): { message: string; hint?: { next: string } } | undefined {
  // In UTF-8 a text has at most three bytes for each of its units.
  if (text.length * 3 > MAX_TASK_BYTES && Buffer.byteLength(text) > MAX_TASK_BYTES) {
    return {
      message: `Task ${task.task_id} is larger than ${MAX_TASK_BYTES} bytes.`,
      hint: { next: "Put large data into a file that the task reads." },
    };
  }
  if (text.includes('"__proto__"')) {
    return { message: `Task ${task.task_id} has a field named __proto__, which cannot be stored safely.` };
  }
  // The other fields are bounded by their schemas.
  if (deeperThan(task.config, MAX_TASK_DEPTH - 1)) {
    return { message: `Task ${task.task_id} is nested more than ${MAX_TASK_DEPTH} levels deep.` };
  }
  return undefined;
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (deeperThan(Reflect.get(value, name), levels - 1)) return true;
  return false;
}
