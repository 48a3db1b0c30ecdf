import { assert } from "../base/index.ts";
import type { RunId, TaskId, WorkerId } from "../base/index.ts";
import { isConditionMet } from "../contracts/index.ts";
import type { TaskState } from "../contracts/index.ts";
import { endClaim } from "./claims.ts";
import { expectedWork } from "./estimates.ts";
import { countWork } from "./expectation.ts";
import { nextFallbackMs } from "./fallback.ts";
import { isStartable, leaderOf } from "./groups.ts";
import { rankOf } from "./priority.ts";
import { leaveClass } from "./requirement-class.ts";
import { dequeue, enqueue, keepAge } from "./share-tree.ts";
import { countColumn, isTerminal } from "./state.ts";
import type { Lease, Run, State, Task, TerminalState, TimerEntry, WorkerRecord } from "./state.ts";

/** Sets the one timer of a task, lease or worker, or takes it away. */
export function setTimer(state: State, subject: TimerEntry["subject"], atMs: number | null): void {
  const owner: { timer: TimerEntry | null } =
    "task" in subject
      ? subject.task
      : "lease" in subject
        ? subject.lease
        : "worker" in subject
          ? subject.worker
          : subject.pattern;
  if (owner.timer) state.timers.remove(owner.timer);
  owner.timer = atMs === null ? null : { atMs, subject, heapIndex: -1 };
  if (owner.timer) state.timers.add(owner.timer);
}

/** A queued task need not wait for its retry any more: it gets its place in the queue. */
export function makeReady(state: State, task: Task): void {
  task.notBeforeMs = 0;
  // Ageing counts from the first time: what was lost or preempted keeps its place.
  if (task.readySinceMs === 0) task.readySinceMs = state.nowMs;
  task.rank = rankOf(task.spec.priority, task.readySinceMs);
  task.expectedWork = expectedWork(state.estimates, task.workKey) ?? Number.POSITIVE_INFINITY;
  setTimer(state, { task }, nextFallbackMs(task));
  if (task.group) return refreshGroup(state, task);
  joinQueue(state, task);
}

function joinQueue(state: State, task: Task): void {
  enqueue(state, task);
  countWork(state, task, 1);
}

/** Takes a task out of the queue; one that stands in none is left alone. */
export function leaveQueue(state: State, task: Task): void {
  if (task.heapIndex < 0) return;
  dequeue(task);
  countWork(state, task, -1);
}

/** A group stands in the queue, by one of its members, while all that are left could start. */
function refreshGroup(state: State, task: Task): void {
  const { group } = task;
  if (!group) return;
  keepAge(task.run.node, () => {
    for (const member of group.members) leaveQueue(state, member);
    const leader = leaderOf(group);
    if (leader && isStartable(group)) joinQueue(state, leader);
  });
}

/**
 * Moves a task to another state and everything that follows from it: counts, dependents, the end of the run. What an
 * event of its own must record (a skipped task, an ended run) is only noted as due.
 */
export function setTaskState(state: State, task: Task, next: TaskState): void {
  assert(!isTerminal(task.state), `task ${task.taskId} in state ${task.state} cannot become ${next}`);
  const { counts } = task.run;
  const from = countColumn(task);
  if (task.state === "queued") {
    leaveQueue(state, task);
    setTimer(state, { task }, null);
    endClaim(state, task);
  }
  task.state = next;
  const to = countColumn(task);
  counts[from] -= 1;
  counts[to] += 1;
  state.counts[from] -= 1;
  state.counts[to] += 1;
  if (isTerminal(next)) settle(state, task, next);
  else if (next === "leased") leaveQueueOfGroup(state, task);
}

/** A member has its lease, so the others are not lined up anew: they get theirs in the same batch. */
function leaveQueueOfGroup(state: State, task: Task): void {
  for (const member of task.group?.members ?? []) {
    leaveQueue(state, member);
    endClaim(state, member);
  }
}

function settle(state: State, task: Task, end: TerminalState): void {
  setTimer(state, { task }, null);
  leaveClass(state, task);
  if (task.group) settleGroup(state, task);
  for (const { task: dependent, condition } of task.dependents) {
    if (dependent.state !== "blocked") continue;
    if (!isConditionMet(condition, end)) {
      if (!state.due.skips.has(dependent)) state.due.skips.set(dependent, task.taskId);
      continue;
    }
    dependent.waitingFor -= 1;
    if (dependent.waitingFor > 0) continue;
    setTaskState(state, dependent, "queued");
    makeReady(state, dependent);
  }
  const { counts } = task.run;
  if (counts.waiting === 0 && counts.running === 0) state.due.runs.add(task.run);
}

/** A member that did not come to its end takes the others with it; after one that did, the others go on. */
function settleGroup(state: State, task: Task): void {
  state.due.peers.delete(task);
  if (task.state === "completed") return refreshGroup(state, task);
  for (const member of task.group?.members ?? [])
    if (!isTerminal(member.state) && !member.cancelRequested) state.due.peers.set(member, task.taskId);
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

export function mustLease(state: State, leaseSeq: number): Lease {
  const lease = state.leases.get(leaseSeq);
  assert(lease, `lease ${leaseSeq} is in the state`);
  return lease;
}
