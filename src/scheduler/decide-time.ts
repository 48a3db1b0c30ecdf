import type { JournalEvent } from "../contracts/index.ts";
import { done } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { endAll, lostAttempt, overdueAttempt } from "./decide-attempt.ts";
import { patternDue } from "./decide-avoidance.ts";
import { fallbackEvent } from "./fallback.ts";
import { muteDue } from "./mutes.ts";
import { checkDue, dropCheck } from "./quarantine.ts";
import type { Run, State, Task, WorkerRecord } from "./state.ts";

/**
 * A finished run stays in memory this long, so that late copies of its results get the same answer as the first, and while the
 * tasks of finished runs are no more than so many: memory, snapshots and the next start must not grow with the throughput.
 */
const KEEP_FINISHED_MS = 60_000;
const KEEP_FINISHED_TASKS = 20_000;

/** When the next timer is due, or null. */
export function nextTimerMs(state: State): number | null {
  return state.timers.peek()?.atMs ?? null;
}

/** Events of what is due next, one subject at a time: the caller ticks again while something is due. */
export function decideTick(state: State, nowMs: number): Decision {
  const entry = state.timers.peek();
  if (!entry || entry.atMs > nowMs) return done();
  const { subject } = entry;
  if ("lease" in subject) return done(...overdueAttempt(subject.lease, nowMs));
  if ("pattern" in subject) return done(...patternDue(subject.pattern, nowMs));
  if ("mute" in subject) return done(muteDue(subject.mute));
  return done(...("task" in subject ? taskDue(subject.task, nowMs) : workerDue(state, subject.worker, nowMs)));
}

function taskDue(task: Task, nowMs: number): JournalEvent[] {
  if (task.notBeforeMs === 0) return [fallbackEvent(task, nowMs)];
  return [{ type: "retry_due", runId: task.run.runId, taskId: task.taskId }];
}

function workerDue(state: State, worker: WorkerRecord, nowMs: number): JournalEvent[] {
  const { workerId, name } = worker;
  if (worker.state === "lost") return [{ type: "worker_left", workerId, reason: "lost for a day" }];
  if (worker.state === "flapping") return [{ type: "worker_resumed", workerId }];
  if (worker.state !== "suspect") return checkDue(state, worker);
  const message = `Worker ${name} was lost.`;
  return [
    ...dropCheck(worker),
    ...endAll(worker, (lease) => lostAttempt(lease, { nowMs, message })),
    { type: "worker_lost", workerId },
  ];
}

/** What the leader could not see is held against nobody. */
export function decideStalled(state: State, { stalledMs }: Extract<Command, { type: "leader_stalled" }>): Decision {
  const isAwaited = state.leases.size > 0 || [...state.workers.values()].some((worker) => worker.state === "suspect");
  return isAwaited ? done({ type: "leader_stalled", stalledMs }) : done();
}

/** Finished runs leave memory once everything about them is in the results, the one that ended first before the others. */
export function decideProjected(state: State, seq: number, nowMs: number): Decision {
  const endOf = ({ endedSeq }: Run): number => endedSeq ?? Number.POSITIVE_INFINITY;
  const finished = [...state.runs.values()]
    .filter((run) => endOf(run) <= seq)
    .toSorted((one, other) => endOf(one) - endOf(other));
  let kept = finished.reduce((tasks, run) => tasks + run.tasks.size, 0);
  const events: JournalEvent[] = [];
  for (const { runId, tasks, endedAtMs } of finished) {
    if (kept <= KEEP_FINISHED_TASKS && (endedAtMs ?? nowMs) + KEEP_FINISHED_MS > nowMs) continue;
    kept -= tasks.size;
    events.push({ type: "run_archived", runId });
  }
  return done(...events);
}
