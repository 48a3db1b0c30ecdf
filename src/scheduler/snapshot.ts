import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import type { RunId, TaskId } from "../base/index.ts";
import type { TaskCounts, TaskSpec } from "../contracts/index.ts";
import { evolveClaim } from "./claims.ts";
import { wholeSpec } from "./compact-spec.ts";
import { linkDependents } from "./dependencies.ts";
import type { Estimates } from "./estimates.ts";
import { indexLease } from "./evolve-attempt.ts";
import { addRun, addTask } from "./evolve-run.ts";
import { addWorker } from "./evolve-worker.ts";
import type { WorkerFacts } from "./evolve-worker.ts";
import { indexWarm } from "./learning.ts";
import { refreshStanding } from "./profile.ts";
import { leaveClass } from "./requirement-class.ts";
import { place } from "./share-tree.ts";
import type { ShareNode } from "./share-tree.ts";
import { countColumn, emptyState, isTerminal } from "./state.ts";
import type { Lease, Run, Share, State, Submission, Task, TokenRecord, WorkerRecord } from "./state.ts";
import { makeReady, setTimer } from "./transition.ts";

type LeaseSnapshot = Omit<Lease, "task" | "timer">;
type TaskSnapshot = Pick<
  Task,
  | "order"
  | "state"
  | "waitingFor"
  | "notBeforeMs"
  | "readySinceMs"
  | "alternatives"
  | "cancelRequested"
  | "past"
  | "failureClass"
  | "payload"
> & { spec: TaskSpec; leases: LeaseSnapshot[] };
type RunSnapshot = Omit<Run, "tasks" | "groups" | "counts" | "node" | "unseen" | "guessMs"> & {
  servedAtMs: number;
  tasks: TaskSnapshot[];
};
/** The state as plain JSON, without its indexes. Equal states give equal snapshots: the state hash is a digest of this. */
export interface StateSnapshot {
  seq: number;
  nowMs: number;
  epoch: number;
  nextOrder: number;
  tokens: TokenRecord[];
  runs: RunSnapshot[];
  submissions: [string, Submission][];
  workers: WorkerFacts[];
  shares: Share[];
  /** When pools, and users in them, were served last: a run that was served and is gone does not say. */
  served: { pool: string; user: string | null; atMs: number }[];
  claims: { runId: RunId; taskId: TaskId; workers: WorkerRecord["workerId"][] }[];
  estimates: {
    work: [number, Estimates["work"] extends Map<number, infer Value> ? Value : never][];
    speeds: [string, Estimates["speeds"] extends Map<string, infer Value> ? Value : never][];
  };
}

export function toSnapshot(state: State): StateSnapshot {
  const { seq, nowMs, epoch, nextOrder, estimates } = state;
  return {
    seq,
    nowMs,
    epoch,
    nextOrder,
    tokens: [...state.tokens.values()],
    runs: [...state.runs.values()].map(snapshotRun),
    submissions: [...state.submissions],
    workers: [...state.workers.values()].map(snapshotWorker),
    shares: [...state.shares.values()],
    served: servedIn(state),
    claims: [...state.claims.values()].map(({ task, workers }) => ({
      runId: task.run.runId,
      taskId: task.taskId,
      workers: [...workers],
    })),
    estimates: { work: [...estimates.work], speeds: [...estimates.speeds] },
  };
}

/** By name: in which order the nodes were made does not matter. */
function servedIn(state: State): StateSnapshot["served"] {
  return byName(state.tree).flatMap((pool) => [
    { pool: pool.name, user: null, atMs: pool.servedAtMs },
    ...byName(pool).map((user) => ({ pool: pool.name, user: user.name, atMs: user.servedAtMs })),
  ]);
}

function byName({ all }: ShareNode): ShareNode[] {
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function restoreServed(state: State, served: StateSnapshot["served"]): void {
  for (const { pool, user, atMs } of served) {
    const above = state.tree.all.get(pool);
    const node = user === null ? above : above?.all.get(user);
    if (!node) continue;
    node.servedAtMs = atMs;
    place(node);
  }
}

function snapshotRun(of: Run): RunSnapshot {
  const { tasks, groups: _groups, counts: _counts, unseen: _unseen, guessMs: _guessMs, node, ...run } = of;
  return { ...run, servedAtMs: node.servedAtMs, tasks: [...tasks.values()].map(snapshotTask) };
}

function snapshotTask(task: Task): TaskSnapshot {
  const { order, state, waitingFor, notBeforeMs, readySinceMs, alternatives } = task;
  const { cancelRequested, past, failureClass, payload } = task;
  const leases = task.leases.map(({ task: _task, timer: _timer, ...lease }) => lease);
  return {
    spec: wholeSpec(task),
    order,
    state,
    waitingFor,
    notBeforeMs,
    readySinceMs,
    alternatives,
    cancelRequested,
    past,
    failureClass,
    payload,
    leases,
  };
}

function snapshotWorker(worker: WorkerRecord): WorkerFacts {
  const { workerId, name, incarnation, sessionId, capabilities, slots, credits, state, draining } = worker;
  const { timerMs, reportedAtMs, pace, warm } = worker;
  return {
    workerId,
    name,
    incarnation,
    sessionId,
    capabilities,
    slots,
    credits,
    state,
    draining,
    timerMs,
    reportedAtMs,
    pace,
    warm,
  };
}

/** The state that gave the snapshot, with its indexes made anew. */
export function fromSnapshot(snapshot: StateSnapshot): State {
  const state = emptyState();
  state.nowMs = snapshot.nowMs;
  for (const token of snapshot.tokens) state.tokens.set(token.sha256, token);
  for (const [key, submission] of snapshot.submissions) state.submissions.set(key, submission);
  for (const share of snapshot.shares) state.shares.set(`${share.kind}:${share.name}`, share);
  for (const [key, value] of snapshot.estimates.work) state.estimates.work.set(key, value);
  for (const [key, value] of snapshot.estimates.speeds) state.estimates.speeds.set(key, value);
  for (const one of snapshot.workers) restoreWorker(state, one);
  for (const one of snapshot.runs) restoreRun(state, one);
  restoreServed(state, snapshot.served);
  for (const { runId, taskId, workers } of snapshot.claims) {
    const task = state.runs.get(asRunId(runId))?.tasks.get(asTaskId(taskId));
    if (task) evolveClaim(state, task, workers);
  }
  for (const worker of state.workers.values()) refreshStanding(state, worker);
  const { seq, epoch, nextOrder } = snapshot;
  return Object.assign(state, { seq, epoch, nextOrder });
}

function restoreWorker(state: State, snapshot: WorkerFacts): void {
  const worker = addWorker(state, { ...snapshot, workerId: asWorkerId(snapshot.workerId) });
  setTimer(state, { worker }, worker.timerMs);
  for (const key of worker.warm) indexWarm(state, worker, key);
}

function restoreRun(state: State, snapshot: RunSnapshot): void {
  const { tasks, servedAtMs, ...fields } = snapshot;
  const run = addRun(state, { ...fields, runId: asRunId(fields.runId) });
  const restored: Task[] = [];
  for (const one of tasks) {
    state.nextOrder = one.order;
    restored.push(restoreTask(state, run, { snapshot: one, before: restored.at(-1) }));
  }
  linkDependents(run);
  for (const task of restored) {
    // Only now, so that no class was dropped in between.
    if (isTerminal(task.state)) leaveClass(state, task);
    else if (task.leases.length === 0) restoreWait(state, task);
  }
  run.node.servedAtMs = servedAtMs;
  place(run.node);
}

function restoreTask(state: State, run: Run, from: { snapshot: TaskSnapshot; before: Task | undefined }): Task {
  const { spec, order: _order, leases, alternatives, ...fields } = from.snapshot;
  const task = addTask(state, run, { spec, before: from.before, alternatives });
  Object.assign(task, fields);
  moveCount(state.counts, task);
  moveCount(run.counts, task);
  task.leases = leases.map((one) => ({ ...one, workerId: asWorkerId(one.workerId), task, timer: null }));
  for (const lease of task.leases) restoreLease(state, lease);
  return task;
}

function restoreWait(state: State, task: Task): void {
  if (task.state !== "queued") return;
  if (task.notBeforeMs > 0) setTimer(state, { task }, task.notBeforeMs);
  else makeReady(state, task);
}

/** `addTask` counted it as waiting. */
function moveCount(counts: TaskCounts, task: Task): void {
  counts.waiting -= 1;
  counts[countColumn(task)] += 1;
}

function restoreLease(state: State, lease: Lease): void {
  const worker = state.workers.get(lease.workerId);
  if (worker) indexLease(state, worker, lease);
  if (lease.deadlineMs !== null) setTimer(state, { lease }, lease.deadlineMs);
}
