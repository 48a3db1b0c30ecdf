import { fault, MAX_TASK_BYTES, MAX_TASK_DEPTH } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";

/** The first task that would not travel whole: too large for a frame, nested too deeply, or with a key that decoders change. */
export function oversizedTask(tasks: readonly TaskSpec[]): Fault | undefined {
  for (const [index, task] of tasks.entries()) {
    const path = `tasks[${index}]`;
    // In UTF-8 a text has at most three bytes for each of its units.
    const text = JSON.stringify(task);
    if (text.length * 3 > MAX_TASK_BYTES && Buffer.byteLength(text) > MAX_TASK_BYTES) {
      return fault("invalid_field", `Task ${task.task_id} is larger than ${MAX_TASK_BYTES} bytes.`, {
        path,
        next: "Put large data into a file that the task reads.",
      });
    }
    if (text.includes('"__proto__"')) {
      return fault(
        "invalid_field",
        `Task ${task.task_id} has a field named __proto__, which cannot be stored safely.`,
        { path },
      );
    }
    if (deeperThan(task, MAX_TASK_DEPTH)) {
      return fault("invalid_field", `Task ${task.task_id} is nested more than ${MAX_TASK_DEPTH} levels deep.`, {
        path,
      });
    }
  }
  return undefined;
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => deeperThan(inner, levels - 1));
}
