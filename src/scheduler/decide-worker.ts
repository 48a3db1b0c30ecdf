import { fault } from "../contracts/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { lostAttempt, preempted, refOf } from "./decide-attempt.ts";
import type { Lease, State, Task, WorkerRecord } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** A worker's load is journaled at most this often. */
export const REPORT_INTERVAL_MS = 15_000;

export function leasesOf(state: State, worker: WorkerRecord): { task: Task; lease: Lease }[] {
  const found: { task: Task; lease: Lease }[] = [];
  for (const leaseSeq of worker.leases) {
    const task = state.leases.get(leaseSeq);
    if (task?.lease) found.push({ task, lease: task.lease });
  }
  return found;
}

/**
 * A worker introduces itself, new or back again. Leases that it holds go on; those it never started are sent again, in case
 * the assignment was lost on the way; those it had started and no longer knows died with its former process.
 */
export function decideRegister(state: State, command: Of<"register_worker">, nowMs: number): Decision {
  const { held, ...registration } = command;
  const events: JournalEvent[] = [{ ...registration, type: "worker_registered" }];
  const known = state.workers.get(command.workerId);
  const holds = new Map(held.map((one) => [one.lease_seq, one]));
  const resend: number[] = [];
  const cancelled: number[] = [];
  for (const { task, lease } of known ? leasesOf(state, known) : []) {
    const there = holds.get(lease.leaseSeq);
    holds.delete(lease.leaseSeq);
    if (there) {
      if (there.state === "running" && task.state === "leased") {
        events.push({ type: "attempt_started", ...refOf(task, lease), startedAtMs: nowMs });
      }
      if (task.cancelRequested) cancelled.push(lease.leaseSeq);
    } else if (task.state === "running") {
      events.push(
        lostAttempt(task, lease, { nowMs, message: `Worker ${command.name} was started anew and lost the attempt.` }),
      );
    } else if (task.cancelRequested) events.push(preempted(task, lease, nowMs));
    else resend.push(lease.leaseSeq);
  }
  // What it holds and we do not know of: a finished one will get its answer when the result comes.
  const foreign = [...holds.values()].filter((one) => one.state !== "finished").map((one) => one.lease_seq);
  const draining = known?.incarnation === command.incarnation && known.draining;
  return { events, reply: { type: "reattached", resend, fenced: [...foreign, ...cancelled], draining } };
}

/** The worker that this session still speaks for. */
function speaker(
  state: State,
  command: { workerId: Of<"worker_heartbeat">["workerId"]; sessionId: string },
): WorkerRecord | undefined {
  const worker = state.workers.get(command.workerId);
  return worker?.sessionId === command.sessionId ? worker : undefined;
}

/** Frames of a session keep their order, so a lease up to `receivedSeq` that the worker does not list is one it lost. */
export function decideHeartbeat(state: State, command: Of<"worker_heartbeat">, nowMs: number): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const events: JournalEvent[] = [];
  if (nowMs - worker.reportedAtMs >= REPORT_INTERVAL_MS) {
    events.push({ type: "worker_reported", workerId: worker.workerId, load: command.load });
  }
  const held = new Set(command.held);
  for (const { task, lease } of leasesOf(state, worker)) {
    if (lease.leaseSeq > command.receivedSeq || held.has(lease.leaseSeq)) continue;
    events.push(lostAttempt(task, lease, { nowMs, message: `Worker ${worker.name} no longer knows the attempt.` }));
  }
  return done(...events);
}

export function decideCapabilities(state: State, command: Of<"update_capabilities">): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const { name, incarnation } = worker;
  return done({ ...command, type: "worker_registered", name, incarnation });
}

/** The session ended: no new work, and when the worker is not back in time it is lost. */
export function decideDisconnected(state: State, command: Of<"worker_disconnected">): Decision {
  if (!speaker(state, command)) return done();
  const { workerId, reason, lostAtMs } = command;
  return done({ type: "worker_suspected", workerId, reason, lostAtMs });
}

/** The worker leaves for good; what it still holds goes back to the queue. */
export function decideGoodbye(state: State, command: Of<"worker_goodbye">, nowMs: number): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const returned = leasesOf(state, worker).map(({ task, lease }) => preempted(task, lease, nowMs));
  return done(...returned, { type: "worker_left", workerId: worker.workerId, reason: command.reason });
}

export function decideDrain(state: State, command: Of<"drain_worker">): Decision {
  const worker = state.workers.get(command.workerId);
  if (!worker) return refused(fault("not_found", `No worker has the id ${command.workerId}.`));
  if (worker.draining) return done();
  return done({ ...command, type: "worker_draining" });
}
