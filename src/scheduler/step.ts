import type { JournalEvent, PlacedEvent, RunEndState } from "../contracts/index.ts";
import { ClassSet } from "./class-set.ts";
import type { Command, Reply } from "./commands.ts";
import { trialEvent } from "./decide-avoidance.ts";
import { decide } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { healthEvent, nextCheck } from "./quarantine.ts";
import { nextHedge } from "./hedging.ts";
import { migrations } from "./migration.ts";
import { leaseEvent, newPass, nextLeases, settleClaims } from "./placement.ts";
import { nextPreemption } from "./preemption.ts";
import type { Run, State } from "./state.ts";

/** What one command did: the events at their places in the journal, and the reply for whoever asked. */
export interface Step {
  events: PlacedEvent[];
  reply: Reply;
}

/** Decides a command, applies its events and all that follows from them (skipped tasks, ended runs). */
export function step(state: State, command: Command, nowMs: number): Step {
  const placed: PlacedEvent[] = [];
  const { events, reply } = decide(state, command, nowMs);
  for (const event of events) place(state, event, { nowMs, placed });
  for (let event = followUp(state); event; event = followUp(state)) place(state, event, { nowMs, placed });
  return { events: placed, reply };
}

/**
 * Grants leases until nothing that waits fits a free worker, or the limit is reached. Leases that belong together stay together:
 * the caller puts all events of one call into one batch.
 */
export function assign(state: State, nowMs: number, limit: number): PlacedEvent[] {
  const placed: PlacedEvent[] = [];
  for (let seat = nextCheck(state); seat; seat = nextCheck(state))
    place(state, leaseEvent({ ...seat, gpus: [] }), { nowMs, placed });
  if (state.tree.waiting === 0 && state.claims.size === 0) return placed;
  const pass = newPass(nowMs);
  while (placed.length < limit) {
    const events = settleClaims(state) ?? nextLeases(state, pass);
    if (!events) break;
    for (const event of events) place(state, event, { nowMs, placed });
  }
  return placed;
}

/** How often `review` is due while there is work. */
export const REVIEW_INTERVAL_MS = 500;

/**
 * Looks at what only time shows: who could be preempted for what waits, what a busy worker holds that another could start, which
 * stragglers are worth a second attempt, which tasks may start now that did not a moment ago.
 */
export function review(state: State, nowMs: number, limit: number): PlacedEvent[] {
  const placed = assign(state, nowMs, limit);
  const tried = new ClassSet();
  while (placed.length < limit) {
    const events = nextPreemption(state, tried) ?? one(nextHedge(state, nowMs));
    if (!events) break;
    for (const event of events) place(state, event, { nowMs, placed });
  }
  for (const event of migrations(state, nowMs)) place(state, event, { nowMs, placed });
  return placed;
}

const one = (event: JournalEvent | null): JournalEvent[] | null => (event ? [event] : null);

function place(state: State, event: JournalEvent, into: { nowMs: number; placed: PlacedEvent[] }): void {
  evolve(state, event, into.nowMs);
  into.placed.push({ seq: state.seq, atMs: into.nowMs, event });
}

function followUp(state: State): JournalEvent | undefined {
  for (const [task, because] of state.due.skips) {
    return { type: "task_skipped", runId: task.run.runId, taskId: task.taskId, because };
  }
  for (const [task, other] of state.due.peers) {
    const reason = `${other}, of the same group, has ended without success`;
    return { type: "task_cancelled", runId: task.run.runId, taskId: task.taskId, by: "scheduler", reason };
  }
  const health = healthEvent(state);
  if (health) return health;
  for (const [record, outcome] of state.due.trials) return trialEvent(record, outcome, state.nowMs);
  for (const run of state.due.runs) return { type: "run_finished", runId: run.runId, state: endOf(run) };
  return undefined;
}

function endOf(run: Run): RunEndState {
  if (run.cancelRequested) return "cancelled";
  const { failed, error, cancelled } = run.counts;
  // A task that was skipped though nothing failed was for the case that something does.
  return failed + error + cancelled === 0 ? "completed" : "failed";
}
