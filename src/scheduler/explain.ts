import { isoTime } from "../base/index.ts";
import type { Explanation } from "../contracts/index.ts";
import { fit } from "./match.ts";
import { before } from "./priority.ts";
import { needsOf } from "./requirement-class.ts";
import { isTerminal } from "./state.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** Why a task waits, or what it is doing. O(tasks + workers): for people, not for the dispatch loop. */
export function explain(state: State, task: Task): Explanation {
  const workers = [...state.workers.values()].map((worker) => view(worker, task));
  const waitingFor = isTerminal(task.state)
    ? []
    : task.spec.depends_on.filter((name) =>
        [...task.run.tasks.values()].some((other) => other.taskId === name && !isTerminal(other.state)),
      );
  const ahead = task.state === "queued" && task.notBeforeMs === 0 ? tasksAhead(state, task) : null;
  const partial = {
    run_id: task.run.runId,
    task_id: task.taskId,
    state: task.state,
    waiting_for: waitingFor,
    not_before: task.notBeforeMs > 0 ? isoTime(task.notBeforeMs) : null,
    ahead,
    workers,
  };
  return { ...partial, summary: summarise(task, partial) };
}

function view(worker: WorkerRecord, task: Task): Explanation["workers"][number] {
  const result = fit(needsOf(task.spec), worker.capabilities);
  const reasons = result.fits ? [] : [...result.reasons];
  if (worker.state !== "ready") reasons.push(`is ${worker.state}`);
  else if (worker.leases.size >= worker.credits)
    reasons.push(`is full: holds ${worker.leases.size} of ${worker.credits}`);
  return { worker_id: worker.workerId, fits: result.fits, reasons };
}

function tasksAhead(state: State, task: Task): number {
  const mine = task.requirementClass.eligible;
  let count = 0;
  for (const run of state.runs.values()) {
    for (const other of run.tasks.values()) {
      if (other.state !== "queued" || other.notBeforeMs > 0 || before(other, task) >= 0) continue;
      const shared =
        other.requirementClass === task.requirementClass ||
        [...other.requirementClass.eligible.keys()].some((id) => mine.has(id));
      if (shared) count += 1;
    }
  }
  return count;
}

function summarise(task: Task, facts: Omit<Explanation, "summary">): string {
  switch (task.state) {
    case "blocked":
      return `Waits for ${facts.waiting_for.join(", ")}.`;
    case "queued": {
      if (facts.not_before !== null) return `Failed ${task.past.length} times; tries again at ${facts.not_before}.`;
      const fitting = facts.workers.filter((worker) => worker.fits);
      if (fitting.length === 0) return "No known worker fits its requirements.";
      const free = fitting.filter((worker) => worker.reasons.length === 0).length;
      if (free > 0) return "About to start.";
      return `${fitting.length} workers fit, none is free; ${facts.ahead ?? 0} tasks are ahead of it.`;
    }
    case "leased":
      return `Given to worker ${task.lease?.workerId ?? "?"}, not started yet.`;
    case "running":
      return `Runs on worker ${task.lease?.workerId ?? "?"}, attempt ${task.lease?.attempt ?? "?"}.`;
    case "failed":
      return `Failed (${task.failureClass ?? "unknown"}) after ${task.past.length} attempts.`;
    case "completed":
    case "cancelled":
    case "skipped":
      return `Is ${task.state}.`;
  }
}
