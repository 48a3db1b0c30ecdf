import type { JournalEvent, PlacedEvent, RunEndState } from "../contracts/index.ts";
import type { Command, Reply } from "./commands.ts";
import { decide } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { nextLease } from "./placement.ts";
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

/** Grants leases until nothing that waits fits a free worker, or the limit is reached. */
export function assign(state: State, nowMs: number, limit: number): PlacedEvent[] {
  const placed: PlacedEvent[] = [];
  while (placed.length < limit) {
    const event = nextLease(state);
    if (!event) break;
    place(state, event, { nowMs, placed });
  }
  return placed;
}

function place(state: State, event: JournalEvent, into: { nowMs: number; placed: PlacedEvent[] }): void {
  evolve(state, event, into.nowMs);
  into.placed.push({ seq: state.seq, atMs: into.nowMs, event });
}

function followUp(state: State): JournalEvent | undefined {
  for (const [task, because] of state.due.skips) {
    return { type: "task_skipped", runId: task.run.runId, taskId: task.taskId, because };
  }
  for (const run of state.due.runs) return { type: "run_finished", runId: run.runId, state: endOf(run) };
  return undefined;
}

function endOf(run: Run): RunEndState {
  if (run.cancelRequested) return "cancelled";
  const { completed, total } = run.counts;
  return completed === total ? "completed" : "failed";
}
