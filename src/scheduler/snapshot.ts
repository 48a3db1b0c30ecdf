import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import type { FailureClass, TaskCounts } from "../contracts/index.ts";
import { addTask } from "./evolve-run.ts";
import { reclassify, refreshReady } from "./requirement-class.ts";
import { countColumn, emptyCounts, emptyState, isTerminal } from "./state.ts";
import type { Lease, Run, State, Submission, Task, TokenRecord, WorkerRecord } from "./state.ts";
import { enqueue, setTimer } from "./transition.ts";

type TaskSnapshot = Pick<
  Task,
  "spec" | "order" | "state" | "waitingFor" | "notBeforeMs" | "cancelRequested" | "lease" | "past" | "failureClass"
> & {
  failures: [FailureClass, number][];
};
type RunSnapshot = Omit<Run, "tasks" | "counts"> & { tasks: TaskSnapshot[] };
type WorkerSnapshot = Omit<WorkerRecord, "leases" | "classes" | "isReady" | "timer">;

/** The state as plain JSON, without its indexes. Equal states give equal snapshots: the state hash is a digest of this. */
export interface StateSnapshot {
  seq: number;
  epoch: number;
  nextOrder: number;
  tokens: TokenRecord[];
  runs: RunSnapshot[];
  submissions: [string, Submission][];
  workers: WorkerSnapshot[];
}

export function toSnapshot(state: State): StateSnapshot {
  const { seq, epoch, nextOrder } = state;
  return {
    seq,
    epoch,
    nextOrder,
    tokens: [...state.tokens.values()],
    runs: [...state.runs.values()].map(({ tasks, counts: _counts, ...run }) => ({
      ...run,
      tasks: [...tasks.values()].map(snapshotTask),
    })),
    submissions: [...state.submissions],
    workers: [...state.workers.values()].map(
      ({ leases: _leases, classes: _classes, isReady: _isReady, timer: _timer, ...worker }) => worker,
    ),
  };
}

function snapshotTask(task: Task): TaskSnapshot {
  const { spec, order, state, waitingFor, notBeforeMs, cancelRequested, lease, past, failureClass } = task;
  return {
    spec,
    order,
    state,
    waitingFor,
    notBeforeMs,
    cancelRequested,
    lease,
    past,
    failureClass,
    failures: [...task.failures],
  };
}

/** The state that gave the snapshot, with its indexes made anew. */
export function fromSnapshot(snapshot: StateSnapshot): State {
  const state = emptyState();
  for (const token of snapshot.tokens) state.tokens.set(token.sha256, token);
  for (const [key, submission] of snapshot.submissions) state.submissions.set(key, submission);
  for (const one of snapshot.workers) {
    const workerId = asWorkerId(one.workerId);
    const worker: WorkerRecord = {
      ...one,
      workerId,
      timer: null,
      leases: new Set(),
      classes: new Set(),
      isReady: false,
    };
    state.workers.set(workerId, worker);
    setTimer(state, worker, worker.timerMs);
  }
  for (const one of snapshot.runs) restoreRun(state, one);
  for (const worker of state.workers.values()) {
    reclassify(state, worker);
    refreshReady(worker);
  }
  return Object.assign(state, { seq: snapshot.seq, epoch: snapshot.epoch, nextOrder: snapshot.nextOrder });
}

function restoreRun(state: State, snapshot: RunSnapshot): void {
  const { tasks, ...fields } = snapshot;
  const run: Run = { ...fields, runId: asRunId(fields.runId), tasks: new Map(), counts: emptyCounts() };
  state.runs.set(run.runId, run);
  const restored = tasks.map((one) => restoreTask(state, run, one));
  for (const task of restored) {
    for (const name of task.spec.depends_on) run.tasks.get(asTaskId(name))?.dependents.push(task);
  }
}

function restoreTask(state: State, run: Run, snapshot: TaskSnapshot): Task {
  const { failures, spec, order, ...fields } = snapshot;
  state.nextOrder = order;
  const task = addTask(state, run, spec);
  Object.assign(task, fields, { failures: new Map(failures) });
  moveCount(state.counts, task);
  moveCount(run.counts, task);
  if (isTerminal(task.state)) {
    task.requirementClass.open -= 1;
    if (task.requirementClass.open === 0) state.classes.delete(task.requirementClass.key);
  } else if (task.lease) restoreLease(state, task, task.lease);
  else if (task.notBeforeMs > 0) setTimer(state, task, task.notBeforeMs);
  else if (task.state === "queued") enqueue(task);
  return task;
}

/** `addTask` counted it as waiting. */
function moveCount(counts: TaskCounts, task: Task): void {
  counts.waiting -= 1;
  counts[countColumn(task)] += 1;
}

function restoreLease(state: State, task: Task, lease: Lease): void {
  state.leases.set(lease.leaseSeq, task);
  state.workers.get(lease.workerId)?.leases.add(lease.leaseSeq);
  if (lease.deadlineMs !== null) setTimer(state, task, lease.deadlineMs);
}
