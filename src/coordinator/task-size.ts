import { fault, MAX_TASK_BYTES, MAX_TASK_DEPTH } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";
import type { Survey } from "./survey.ts";

/** Why a task would not travel whole: too large for a frame, nested too deeply, or with a key that decoders change. */
export function unfitTask(task: TaskSpec, found: Survey, path: string): Fault | undefined {
  if (found.maxBytes > MAX_TASK_BYTES && Buffer.byteLength(JSON.stringify(task)) > MAX_TASK_BYTES) {
    return fault("invalid_field", `Task ${task.task_id} is larger than ${MAX_TASK_BYTES} bytes.`, {
      path,
      next: "Put large data into a file that the task reads.",
    });
  }
  if (found.hasProto) {
    return fault("invalid_field", `Task ${task.task_id} has a field named __proto__, which cannot be stored safely.`, {
      path,
    });
  }
  if (found.depth > MAX_TASK_DEPTH) {
    return fault("invalid_field", `Task ${task.task_id} is nested more than ${MAX_TASK_DEPTH} levels deep.`, { path });
  }
  return undefined;
}
