import { fault, MAX_TASK_BYTES, MAX_TASK_DEPTH, MAX_TEMPLATE_BYTES } from "../contracts/index.ts";
import type { Fault, TaskSpec, Template } from "../contracts/index.ts";
import type { Survey } from "./survey.ts";

/** Why a task would not travel whole: too large for a frame, nested too deeply, or with a key that decoders change. */
export function unfitTask(task: TaskSpec, found: Survey, path: string): Fault | undefined {
  return unfit(task, found, { what: `Task ${task.task_id}`, most: MAX_TASK_BYTES, path });
}

/** The same of a template, which a coordinator keeps in memory. */
export function unfitTemplate(template: Template, found: Survey): Fault | undefined {
  return unfit(template, found, { what: `Template ${template.name}`, most: MAX_TEMPLATE_BYTES, path: "tasks" });
}

function unfit(
  document: object,
  found: Survey,
  { what, most, path }: { what: string; most: number; path: string },
): Fault | undefined {
  if (found.maxBytes > most && Buffer.byteLength(JSON.stringify(document)) > most) {
    return fault("invalid_field", `${what} is larger than ${most} bytes.`, {
      path,
      next: "Put large data into a file that the task reads.",
    });
  }
  if (found.hasProto) {
    return fault("invalid_field", `${what} has a field named __proto__, which cannot be stored safely.`, { path });
  }
  if (found.depth > MAX_TASK_DEPTH) {
    return fault("invalid_field", `${what} is nested more than ${MAX_TASK_DEPTH} levels deep.`, { path });
  }
  return undefined;
}
