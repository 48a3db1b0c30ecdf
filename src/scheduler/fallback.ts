import type { JournalEventOf } from "../contracts/index.ts";
import type { SharedSpec } from "./compact-spec.ts";
import type { Task } from "./state.ts";

/** How many sets of `fallback` are open to a task that has waited for so long. */
export function openedAfter(spec: SharedSpec, waitedMs: number): number {
  return spec.fallback.filter(({ after_seconds }) => after_seconds * 1000 <= waitedMs).length;
}

/** When the next set opens to a task that waits; null when there is none. */
export function nextFallbackMs(task: Task): number | null {
  const next = task.spec.fallback[task.alternatives];
  return next ? task.readySinceMs + next.after_seconds * 1000 : null;
}

export function fallbackEvent(task: Task, nowMs: number): JournalEventOf<"fallback_opened"> {
  const alternative = openedAfter(task.spec, nowMs - task.readySinceMs);
  return { type: "fallback_opened", runId: task.run.runId, taskId: task.taskId, alternative };
}
