import { taskSpec } from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";

/** The one task of a run that is a single shell line. `cwd` only where the worker sees the caller's file system. */
export function commandTask(command: string, options: { taskId?: string; cwd?: string | undefined } = {}): TaskSpec {
  return taskSpec.parse({
    task_id: options.taskId ?? "command",
    type: "command",
    config: { command, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) },
  });
}
