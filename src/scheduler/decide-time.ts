import type { JournalEvent } from "../contracts/index.ts";
import { done } from "./commands.ts";
import type { Decision } from "./commands.ts";
import { endAll, lostAttempt, overdueAttempt } from "./decide-attempt.ts";
import { patternDue } from "./decide-avoidance.ts";
import { fallbackEvent } from "./fallback.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** A finished run stays in memory this long, so that late copies of its results get the same answer as the first. */
export const KEEP_FINISHED_MS = 60_000;

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
  return done(...("task" in subject ? taskDue(subject.task, nowMs) : workerDue(subject.worker, nowMs)));
}

function taskDue(task: Task, nowMs: number): JournalEvent[] {
  if (task.notBeforeMs === 0) return [fallbackEvent(task, nowMs)];
  return [{ type: "retry_due", runId: task.run.runId, taskId: task.taskId }];
}

function workerDue(worker: WorkerRecord, nowMs: number): JournalEvent[] {
  if (worker.state === "lost") return [{ type: "worker_left", workerId: worker.workerId, reason: "lost for a day" }];
  const message = `Worker ${worker.name} was lost.`;
  return [
    ...endAll(worker, (lease) => lostAttempt(lease, { nowMs, message })),
    { type: "worker_lost", workerId: worker.workerId },
  ];
}

/** Finished runs leave memory once everything about them is in the results. */
export function decideProjected(state: State, seq: number, nowMs: number): Decision {
  const events: JournalEvent[] = [];
  for (const run of state.runs.values()) {
    if (run.endedSeq === null || run.endedAtMs === null) continue;
    if (run.endedSeq <= seq && run.endedAtMs + KEEP_FINISHED_MS <= nowMs)
      events.push({ type: "run_archived", runId: run.runId });
  }
  return done(...events);
}
