import type { JournalEventOf } from "../contracts/index.ts";
import { before } from "./priority.ts";
import type { RequirementClass } from "./requirement-class.ts";
import type { State, Task } from "./state.ts";

/**
 * The next lease to grant, or null when nothing that waits fits a worker that is free: the first task in order among
 * the classes that have a ready worker, on the worker that has waited longest. Late binding: a worker gets no more than
 * its credits, so what it could not start soon stays here.
 */
export function nextLease(state: State): JournalEventOf<"attempt_leased"> | null {
  let task: Task | undefined;
  let from: RequirementClass | undefined;
  for (const one of state.classes.values()) {
    if (one.ready.size === 0) continue;
    const head = one.queue.peek();
    if (head && (!task || before(head, task) < 0)) {
      task = head;
      from = one;
    }
  }
  if (!task || !from) return null;
  const [workerId] = from.ready;
  if (workerId === undefined) return null;
  return {
    type: "attempt_leased",
    runId: task.run.runId,
    taskId: task.taskId,
    attempt: task.past.length + 1,
    workerId,
    hardware: from.eligible.get(workerId) ?? null,
  };
}
