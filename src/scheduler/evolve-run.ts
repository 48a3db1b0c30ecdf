import { asTaskId } from "../base/index.ts";
import type { TaskId } from "../base/index.ts";
import type { JournalEventOf, TaskSpec } from "../contracts/index.ts";
import { NO_DEPENDENTS, linkDependents } from "./dependencies.ts";
import { emptyLengths, heed, meanWork, workKeyOf } from "./estimates.ts";
import { openedAfter } from "./fallback.ts";
import type { Group } from "./groups.ts";
import { asksTheSame, classFor, joinClass, leaveClass, markedNeedsOf } from "./requirement-class.ts";
import type { Needs } from "./requirement-class.ts";
import { addRunNode, keepAge } from "./share-tree.ts";
import { sharedSpec } from "./compact-spec.ts";
import type { SharedSpec } from "./compact-spec.ts";
import { emptyCounts } from "./state.ts";
import type { Lease, PastAttempt, Run, State, Task } from "./state.ts";
import { makeReady, mustRun, mustTask, setTaskState, leaveQueue } from "./transition.ts";

/** How many idempotency keys are remembered. */
export const MAX_SUBMISSIONS = 10_000;

export function submitRun(state: State, event: JournalEventOf<"run_submitted">, atMs: number): void {
  const { runId, name, submittedBy, pool, checks } = event;
  const run = addRun(state, {
    runId,
    name,
    submittedBy,
    pool,
    checks,
    createdAtMs: atMs,
    state: "running",
    cancelRequested: false,
    endedAtMs: null,
    endedSeq: null,
    lengths: emptyLengths(),
  });
  let before: Task | undefined;
  for (const spec of event.tasks) before = addTask(state, run, { spec, before });
  linkDependents(run);
  for (const task of run.tasks.values()) if (task.state === "queued") makeReady(state, task);
  if (event.idempotencyKey !== null) remember(state, event.idempotencyKey, event);
}

/** A run without tasks yet. */
export function addRun(
  state: State,
  fields: Omit<Run, "tasks" | "groups" | "counts" | "node" | "unseen" | "guessMs">,
): Run {
  const run: Run = {
    ...fields,
    tasks: new Map<TaskId, Task>(),
    groups: new Map<string, Group>(),
    counts: emptyCounts(),
    unseen: 0,
    guessMs: meanWork(fields.lengths),
    node: addRunNode(state, fields),
  };
  state.runs.set(run.runId, run);
  return run;
}

const NO_LEASES: readonly Lease[] = [];
const NO_PAST: readonly PastAttempt[] = [];

/** Adds a task; `before`, the one added before it, lends it whatever is equal. */
export function addTask(
  state: State,
  run: Run,
  given: { spec: TaskSpec; before: Task | undefined; alternatives?: number },
): Task {
  const { before } = given;
  const likeBefore = sharedSpec(given.spec, before?.spec);
  const alternatives = given.alternatives ?? openedAfter(likeBefore, 0);
  const requirementClass = sharedClass(state, { run, spec: likeBefore, alternatives, before });
  const { sample } = requirementClass;
  const spec = likeBefore === before?.spec || sample === undefined ? likeBefore : sharedSpec(given.spec, sample);
  requirementClass.sample = spec;
  const task: Task = {
    run,
    taskId: asTaskId(given.spec.task_id),
    spec,
    order: state.nextOrder,
    workKey: before?.spec.config === spec.config && before.spec.type === spec.type ? before.workKey : workKeyOf(spec),
    requirementClass,
    dependents: NO_DEPENDENTS,
    group: joinGroup(run, spec),
    state: spec.depends_on.length > 0 ? "blocked" : "queued",
    waitingFor: spec.depends_on.length,
    notBeforeMs: 0,
    readySinceMs: 0,
    alternatives,
    cancelRequested: false,
    leases: NO_LEASES,
    past: NO_PAST,
    failureClass: null,
    payload: null,
    rank: 0,
    expectedWork: 0,
    timer: null,
    heapIndex: -1,
  };
  state.nextOrder += 1;
  if (spec.type === "suite" && spec.config.expected_seconds !== undefined)
    heed(state.estimates, task.workKey, spec.config.expected_seconds);
  joinClass(task);
  task.group?.members.push(task);
  run.tasks.set(task.taskId, task);
  for (const counts of [run.counts, state.counts]) {
    counts.total += 1;
    counts.waiting += 1;
  }
  return task;
}

/** The class of the task before, when nothing that makes a class differs; that is so for most tasks of a run. */
function sharedClass(
  state: State,
  made: { run: Run; spec: SharedSpec; alternatives: number; before: Task | undefined },
): Task["requirementClass"] {
  const { run, spec, alternatives, before } = made;
  const same = before?.alternatives === alternatives && asksTheSame(state, spec, before.spec);
  return same
    ? before.requirementClass
    : classFor(state, markedNeedsOf(state, spec, { pool: run.pool, opened: alternatives }));
}

function joinGroup(run: Run, spec: SharedSpec): Group | null {
  if (spec.group === undefined) return null;
  const known = run.groups.get(spec.group);
  if (known) return known;
  const made: Group = { name: spec.group, members: [] };
  run.groups.set(spec.group, made);
  return made;
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
  state.due.peers.delete(task);
  if (task.state === "leased" || task.state === "running") task.cancelRequested = true;
  else if (task.state === "blocked" || task.state === "queued") {
    state.due.skips.delete(task);
    setTaskState(state, task, "cancelled");
  }
}

/** What a task asks for now. */
export function classNeeds(state: State, { spec, run, alternatives }: Task): Needs {
  return markedNeedsOf(state, spec, { pool: run.pool, opened: alternatives });
}

/** The task may be taken by the next sets of its fallback too: it moves to another class, and keeps its age. */
export function openFallback(state: State, event: JournalEventOf<"fallback_opened">): void {
  const task = mustTask(state, event);
  keepAge(task.run.node, () => {
    leaveQueue(state, task);
    leaveClass(state, task);
    task.alternatives = event.alternative;
    task.requirementClass = classFor(state, classNeeds(state, task));
    joinClass(task);
    makeReady(state, task);
  });
}
