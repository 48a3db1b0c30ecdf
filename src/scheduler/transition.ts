import { assert } from "../base/index.ts";
import type { RunId, TaskId, WorkerId } from "../base/index.ts";
import type { TaskState } from "../contracts/index.ts";
import { countColumn, isTerminal } from "./state.ts";
import type { Run, State, Task, WorkerRecord } from "./state.ts";

/** Puts a queued task in its line. */
export function enqueue(task: Task): void {
  task.requirementClass.queue.add(task);
}

/** Sets the one timer of a task or worker, or takes it away. */
export function setTimer(state: State, subject: Task | WorkerRecord, atMs: number | null): void {
  if (subject.timer) state.timers.remove(subject.timer);
  subject.timer = atMs === null ? null : { atMs, subject, heapIndex: -1 };
  if (subject.timer) state.timers.add(subject.timer);
}

/**
 * Moves a task to another state and everything that follows from it: counts, dependents, the end of the run. What an
 * event of its own must record (a skipped task, an ended run) is only noted as due.
 */
export function setTaskState(state: State, task: Task, next: TaskState): void {
  assert(!isTerminal(task.state), `task ${task.taskId} in state ${task.state} cannot become ${next}`);
  const { counts } = task.run;
  const from = countColumn(task);
  if (task.state === "queued") task.requirementClass.queue.remove(task);
  task.state = next;
  const to = countColumn(task);
  counts[from] -= 1;
  counts[to] += 1;
  state.counts[from] -= 1;
  state.counts[to] += 1;
  if (!isTerminal(next)) return;
  setTimer(state, task, null);
  settle(state, task);
}

function settle(state: State, task: Task): void {
  const one = task.requirementClass;
  one.open -= 1;
  if (one.open === 0) dropClass(state, task);
  for (const dependent of task.dependents) {
    if (dependent.state !== "blocked") continue;
    if (task.state !== "completed") {
      if (!state.due.skips.has(dependent)) state.due.skips.set(dependent, task.taskId);
      continue;
    }
    dependent.waitingFor -= 1;
    if (dependent.waitingFor > 0) continue;
    setTaskState(state, dependent, "queued");
    enqueue(dependent);
  }
  const { counts } = task.run;
  if (counts.waiting === 0 && counts.running === 0) state.due.runs.add(task.run);
}

function dropClass(state: State, task: Task): void {
  const one = task.requirementClass;
  state.classes.delete(one.key);
  for (const workerId of one.eligible.keys()) state.workers.get(workerId)?.classes.delete(one);
}

export function mustRun(state: State, runId: RunId): Run {
  const run = state.runs.get(runId);
  assert(run, `run ${runId} is in the state`);
  return run;
}

export function mustTask(state: State, ref: { runId: RunId; taskId: TaskId }): Task {
  const task = mustRun(state, ref.runId).tasks.get(ref.taskId);
  assert(task, `task ${ref.taskId} of run ${ref.runId} is in the state`);
  return task;
}

export function mustWorker(state: State, workerId: WorkerId): WorkerRecord {
  const worker = state.workers.get(workerId);
  assert(worker, `worker ${workerId} is in the state`);
  return worker;
}
