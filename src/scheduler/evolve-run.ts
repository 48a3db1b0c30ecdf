import { asTaskId } from "../base/index.ts";
import type { TaskId } from "../base/index.ts";
import type { JournalEventOf } from "../contracts/index.ts";
import { classFor } from "./requirement-class.ts";
import { emptyCounts } from "./state.ts";
import type { Run, State, Task } from "./state.ts";
import { enqueue, mustRun, setTaskState } from "./transition.ts";

/** How many idempotency keys are remembered. */
export const MAX_SUBMISSIONS = 10_000;

export function submitRun(state: State, event: JournalEventOf<"run_submitted">, atMs: number): void {
  const run: Run = {
    runId: event.runId,
    name: event.name,
    submittedBy: event.submittedBy,
    createdAtMs: atMs,
    tasks: new Map<TaskId, Task>(),
    counts: emptyCounts(),
    state: "running",
    cancelRequested: false,
    endedAtMs: null,
    endedSeq: null,
  };
  state.runs.set(run.runId, run);
  for (const spec of event.tasks) addTask(state, run, spec);
  for (const task of run.tasks.values()) {
    for (const name of task.spec.depends_on) run.tasks.get(asTaskId(name))?.dependents.push(task);
    if (task.state === "queued") enqueue(task);
  }
  if (event.idempotencyKey !== null) remember(state, event.idempotencyKey, event);
}

export function addTask(state: State, run: Run, spec: Task["spec"]): Task {
  const requirementClass = classFor(state, spec);
  const task: Task = {
    run,
    taskId: asTaskId(spec.task_id),
    spec,
    order: state.nextOrder,
    requirementClass,
    dependents: [],
    state: spec.depends_on.length > 0 ? "blocked" : "queued",
    waitingFor: spec.depends_on.length,
    notBeforeMs: 0,
    cancelRequested: false,
    lease: null,
    past: [],
    failures: new Map(),
    failureClass: null,
    timer: null,
    heapIndex: -1,
  };
  state.nextOrder += 1;
  requirementClass.open += 1;
  run.tasks.set(task.taskId, task);
  for (const counts of [run.counts, state.counts]) {
    counts.total += 1;
    counts.waiting += 1;
  }
  return task;
}

function remember(state: State, key: string, event: JournalEventOf<"run_submitted">): void {
  state.submissions.set(key, { runId: event.runId, digest: event.digest, tasks: event.tasks.length });
  const [oldest] = state.submissions.keys();
  if (state.submissions.size > MAX_SUBMISSIONS && oldest !== undefined) state.submissions.delete(oldest);
}

/** Waiting tasks end at once; those that a worker has end when it says so, or is lost. */
export function cancelRun(state: State, event: JournalEventOf<"run_cancelled">): void {
  const run = mustRun(state, event.runId);
  run.cancelRequested = true;
  for (const task of run.tasks.values()) cancelTask(state, task);
}

export function cancelTask(state: State, task: Task): void {
  if (task.state === "leased" || task.state === "running") task.cancelRequested = true;
  else if (task.state === "blocked" || task.state === "queued") {
    state.due.skips.delete(task);
    setTaskState(state, task, "cancelled");
  }
}
