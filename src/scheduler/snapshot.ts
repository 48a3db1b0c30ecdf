import { asRunId, asTaskId, asWorkerId, assert } from "../base/index.ts";
import type { RunId, TaskId } from "../base/index.ts";
import type { TaskCounts, TaskSpec } from "../contracts/index.ts";
import type { PatternRecord } from "./avoidance.ts";
import { newRecord } from "./avoidance.ts";
import { evolveClaim } from "./claims.ts";
import { wholeSpec } from "./compact-spec.ts";
import { linkDependents } from "./dependencies.ts";
import type { Estimates } from "./estimates.ts";
import { indexPattern } from "./evolve-avoidance.ts";
import { indexLease } from "./evolve-attempt.ts";
import { addRun, addTask } from "./evolve-run.ts";
import { addWorker } from "./evolve-worker.ts";
import type { WorkerFacts } from "./evolve-worker.ts";
import { indexWarm } from "./learning.ts";
import { restoreMute } from "./mutes.ts";
import type { MuteRecord } from "./mutes.ts";
import { refreshStanding } from "./profile.ts";
import { beginCheck } from "./quarantine.ts";
import { leaveClass } from "./requirement-class.ts";
import { place } from "./share-tree.ts";
import type { ShareNode } from "./share-tree.ts";
import { countColumn, emptyState, isTerminal } from "./state.ts";
import type { Lease, Run, Share, State, Submission, Task, TokenRecord, WorkerRecord } from "./state.ts";
import type { TemplateRecord } from "./templates.ts";
import { armWorker, setTimer } from "./timers.ts";
import { makeReady } from "./transition.ts";

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
/** A task without what is usual; with its id alone where it asks for the same as the task before it in its run. */
type BriefTask = Omit<TaskSnapshot, "spec" | Usual> & Partial<Pick<TaskSnapshot, Usual>> & { spec: TaskSpec | string };
type Usual = keyof typeof USUAL | "past" | "leases";
type RunSnapshot = Omit<Run, "tasks" | "groups" | "counts" | "node" | "unseen" | "guessMs"> & {
  servedAtMs: number;
};
/** When pools, and users in them, were served last: a run that was served and is gone does not say. */
interface ServedSnapshot {
  pool: string;
  user: string | null;
  atMs: number;
}
interface ClaimSnapshot {
  runId: RunId;
  taskId: TaskId;
  workers: WorkerRecord["workerId"][];
}
type MuteSnapshot = Omit<MuteRecord, "timer">;
type PatternSnapshot = Omit<PatternRecord, "place" | "work" | "hardware" | "timer">;
type ValueOf<Entries> = Entries extends Map<infer Key, infer Value> ? [Key, Value] : never;

/** One fact of the state. A task belongs to the run before it. */
type Entry =
  | ["state", Pick<State, "seq" | "nowMs" | "epoch" | "nextOrder" | "healthCheckMs">]
  | ["token", TokenRecord]
  | ["submission", [string, Submission]]
  | ["share", Share]
  | ["template", TemplateRecord]
  | ["mute", MuteSnapshot]
  | ["quarantine", ValueOf<State["quarantines"]>]
  | ["pattern", PatternSnapshot]
  | ["work", ValueOf<Estimates["work"]>]
  | ["speed", ValueOf<Estimates["speeds"]>]
  | ["worker", WorkerFacts]
  | ["run", RunSnapshot]
  | ["task", BriefTask]
  | ["served", ServedSnapshot]
  | ["claim", ClaimSnapshot];

/** A part is a JSON array of so many entries: a state may be larger than the longest text. */
const ENTRIES_PER_PART = 256;

/** The state without its indexes, as JSON in parts. Equal states give equal parts: the state hash is a digest of them. */
export function* snapshotParts(state: State): Generator<string, void> {
  let part: Entry[] = [];
  for (const entry of entriesOf(state)) {
    part.push(entry);
    if (part.length < ENTRIES_PER_PART) continue;
    yield JSON.stringify(part);
    part = [];
  }
  yield JSON.stringify(part);
}

function* entriesOf(state: State): Generator<Entry, void> {
  const { seq, nowMs, epoch, nextOrder, healthCheckMs, estimates } = state;
  yield ["state", { seq, nowMs, epoch, nextOrder, healthCheckMs }];
  for (const token of state.tokens.values()) yield ["token", token];
  for (const submission of state.submissions) yield ["submission", submission];
  for (const share of state.shares.values()) yield ["share", share];
  for (const record of state.templates.values()) yield ["template", record];
  for (const { timer: _timer, ...mute } of state.mutes.values()) yield ["mute", mute];
  for (const quarantine of state.quarantines) yield ["quarantine", quarantine];
  for (const record of state.patterns.values()) yield ["pattern", snapshotPattern(record)];
  for (const work of estimates.work) yield ["work", work];
  for (const speed of estimates.speeds) yield ["speed", speed];
  for (const worker of state.workers.values()) yield ["worker", snapshotWorker(worker)];
  for (const run of state.runs.values()) {
    yield ["run", snapshotRun(run)];
    let before: Task | undefined;
    for (const task of run.tasks.values()) {
      yield ["task", briefTask(snapshotTask(task), task.spec === before?.spec)];
      before = task;
    }
  }
  for (const served of servedIn(state)) yield ["served", served];
  for (const { task, workers } of state.claims.values())
    yield ["claim", { runId: task.run.runId, taskId: task.taskId, workers: [...workers] }];
}

function snapshotPattern({
  place: _place,
  work: _work,
  hardware: _hardware,
  timer: _timer,
  ...facts
}: PatternRecord): PatternSnapshot {
  return facts;
}

/** Before workers and tasks, which carry the marks of patterns in force. */
function restorePattern(state: State, facts: PatternSnapshot): void {
  const record = Object.assign(newRecord(facts.pattern, facts.foundAtMs), facts);
  state.patterns.set(facts.pattern.pattern_id, record);
  indexPattern(state, record);
  setTimer(state, { pattern: record }, record.untilMs);
}

/** By name: in which order the nodes were made does not matter. */
function servedIn(state: State): ServedSnapshot[] {
  return byName(state.tree).flatMap((pool) => [
    { pool: pool.name, user: null, atMs: pool.servedAtMs },
    ...byName(pool).map((user) => ({ pool: pool.name, user: user.name, atMs: user.servedAtMs })),
  ]);
}

function byName({ all }: ShareNode): ShareNode[] {
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function restoreServed(state: State, { pool, user, atMs }: ServedSnapshot): void {
  const above = state.tree.all.get(pool);
  const node = user === null ? above : above?.all.get(user);
  if (!node) return;
  node.servedAtMs = atMs;
  place(node);
}

function snapshotRun(of: Run): RunSnapshot {
  const { tasks: _tasks, groups: _groups, counts: _counts, unseen: _unseen, guessMs: _guessMs, node, ...run } = of;
  return { ...run, servedAtMs: node.servedAtMs };
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

/** What most tasks have: left out of a snapshot, whose reading is most of a start. */
const USUAL = {
  waitingFor: 0,
  notBeforeMs: 0,
  alternatives: 0,
  cancelRequested: false,
  failureClass: null,
  payload: null,
} satisfies Partial<TaskSnapshot>;

function briefTask({ spec, ...fields }: TaskSnapshot, isLikeBefore: boolean): BriefTask {
  const brief: BriefTask = { spec: isLikeBefore ? spec.task_id : spec, ...fields };
  for (const name of Object.keys(USUAL) as (keyof typeof USUAL)[]) if (brief[name] === USUAL[name]) delete brief[name];
  if (fields.past.length === 0) delete brief.past;
  if (fields.leases.length === 0) delete brief.leases;
  return brief;
}

function wholeTask({ spec, ...fields }: BriefTask, before: Task | undefined): TaskSnapshot {
  const whole = { ...USUAL, past: [], leases: [], ...fields };
  if (typeof spec === "object") return { ...whole, spec };
  assert(before, `task ${spec} follows the one that it is like`);
  return { ...whole, spec: wholeSpec({ taskId: spec, spec: before.spec }) };
}

function snapshotWorker(worker: WorkerRecord): WorkerFacts {
  const { workerId, name, incarnation, sessionId, capabilities, slots, credits, state, draining } = worker;
  const { timerMs, reportedAtMs, pace, warm, steadiness, health, commands } = worker;
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
    steadiness,
    health,
    commands,
  };
}

/** Makes the state that gave a snapshot from its parts, in their order, with its indexes made anew. */
export class StateRestoration {
  private readonly state = emptyState();
  private head: Pick<State, "seq" | "epoch" | "nextOrder"> | undefined;
  /** The run whose tasks are being read. */
  private open: { run: Run; servedAtMs: number; tasks: Task[] } | undefined;

  add(part: string): void {
    // Written by `snapshotParts`; whoever stores parts checks that they come back as they were.
    for (const entry of JSON.parse(part) as Entry[]) this.restore(entry);
  }

  finish(): State {
    this.closeRun();
    assert(this.head, "a snapshot begins with the state");
    for (const worker of this.state.workers.values()) refreshStanding(this.state, worker);
    return Object.assign(this.state, this.head);
  }

  private restore([kind, value]: Entry): void {
    const { state } = this;
    if (kind !== "task") this.closeRun();
    switch (kind) {
      case "state":
        state.nowMs = value.nowMs;
        state.healthCheckMs = value.healthCheckMs;
        this.head = { seq: value.seq, epoch: value.epoch, nextOrder: value.nextOrder };
        return;
      case "token":
        return void state.tokens.set(value.sha256, value);
      case "submission":
        return void state.submissions.set(...value);
      case "share":
        return void state.shares.set(`${value.kind}:${value.name}`, value);
      case "template":
        return void state.templates.set(value.name, value);
      case "mute":
        return restoreMute(state, { ...value, timer: null });
      case "quarantine":
        return void state.quarantines.set(...value);
      case "pattern":
        return restorePattern(state, value);
      case "work":
        return void state.estimates.work.set(...value);
      case "speed":
        return void state.estimates.speeds.set(...value);
      case "worker":
        return restoreWorker(state, value);
      case "run":
        return this.openRun(value);
      case "task":
        return this.restoreTask(value);
      case "served":
        return restoreServed(state, value);
      case "claim":
        return restoreClaim(state, value);
    }
  }

  private openRun({ servedAtMs, ...fields }: RunSnapshot): void {
    this.open = { run: addRun(this.state, { ...fields, runId: asRunId(fields.runId) }), servedAtMs, tasks: [] };
  }

  private restoreTask(brief: BriefTask): void {
    assert(this.open, "a task follows its run");
    const { run, tasks } = this.open;
    const before = tasks.at(-1);
    const snapshot = wholeTask(brief, before);
    this.state.nextOrder = snapshot.order;
    tasks.push(restoreTask(this.state, run, { snapshot, before }));
  }

  private closeRun(): void {
    if (!this.open) return;
    const { run, servedAtMs, tasks } = this.open;
    this.open = undefined;
    linkDependents(run);
    for (const task of tasks) {
      // Only now, so that no class was dropped in between.
      if (isTerminal(task.state)) leaveClass(this.state, task);
      else if (task.leases.length === 0) restoreWait(this.state, task);
    }
    run.node.servedAtMs = servedAtMs;
    place(run.node);
  }
}

function restoreClaim(state: State, { runId, taskId, workers }: ClaimSnapshot): void {
  const task = state.runs.get(asRunId(runId))?.tasks.get(asTaskId(taskId));
  if (task) evolveClaim(state, task, workers);
}

function restoreWorker(state: State, snapshot: WorkerFacts): void {
  const worker = addWorker(state, { ...snapshot, workerId: asWorkerId(snapshot.workerId) });
  armWorker(state, worker);
  for (const key of worker.warm) indexWarm(state, worker, key);
}

function restoreTask(state: State, run: Run, from: { snapshot: TaskSnapshot; before: Task | undefined }): Task {
  const { spec, order: _order, leases, alternatives, ...fields } = from.snapshot;
  const task = addTask(state, run, { spec, before: from.before, alternatives });
  Object.assign(task, fields);
  moveCount(state.counts, task);
  moveCount(run.counts, task);
  task.leases = leases.map((one) => ({ ...one, workerId: asWorkerId(one.workerId), task, timer: null }));
  for (const lease of task.leases) restoreLease(state, lease);
  if (run.checks !== undefined && !isTerminal(task.state)) beginCheck(state, task);
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
