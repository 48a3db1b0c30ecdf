import { fault } from "../contracts/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { endAll, lostAttempt, preempted, refOf } from "./decide-attempt.ts";
import { flapEvent } from "./flapping.ts";
import { fit } from "./match.ts";
import { unfitReserve } from "./migration.ts";
import { dropCheck } from "./quarantine.ts";
import type { State, WorkerRecord } from "./state.ts";
import { drainAgain, openCommands } from "./worker-commands.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** A worker's load is journaled at most this often. */
export const REPORT_INTERVAL_MS = 15_000;

/** A worker that must forget what it has is given so long to come back. */
const FORGET_MS = 30_000;

/**
 * A worker introduces itself, new or back again. Leases that it holds go on; those it never started are sent again, in case
 * the assignment was lost on the way; those it had started and no longer knows died with its former process. One that holds leases
 * from beyond the journal's end comes with empty hands: their numbers will be given again, and must not meet them.
 */
export function decideRegister(state: State, command: Of<"register_worker">, nowMs: number): Decision {
  const { held, ...registration } = command;
  const events: JournalEvent[] = [{ ...registration, type: "worker_registered" }];
  const known = state.workers.get(command.workerId);
  const flapping = flapEvent(known, nowMs);
  if (flapping) events.push(flapping);
  const ahead = held.some((one) => one.lease_seq > state.seq);
  const holds = new Map(ahead ? [] : held.map((one) => [one.lease_seq, one]));
  const resend: number[] = [];
  const cancelled: number[] = [];
  const revoked: { leaseSeq: number; running: boolean }[] = [];
  const ended = endAll(known, (lease) => {
    const there = holds.get(lease.leaseSeq);
    holds.delete(lease.leaseSeq);
    const { task, leaseSeq, startedAtMs } = lease;
    const fits = fit(task.requirementClass.needs, command.capabilities).fits;
    if (there) {
      if (task.cancelRequested) cancelled.push(leaseSeq);
      else if (lease.revoked !== null) revoked.push({ leaseSeq, running: lease.revoked === "running" });
      if (startedAtMs === null && there.state === "running")
        return [{ type: "attempt_started", ...refOf(lease), startedAtMs: nowMs }];
      return fits ? [] : unfitReserve([lease]);
    }
    if (startedAtMs !== null) {
      return lostAttempt(lease, { nowMs, message: `Worker ${command.name} was started anew and lost the attempt.` });
    }
    // Never received: handed back when it is not wanted there any more, else sent again.
    if (task.cancelRequested || lease.revoked !== null || !fits) return preempted(lease, nowMs);
    resend.push(leaseSeq);
    return [];
  });
  events.push(...ended);
  // Until it has forgotten, and holds nothing that could be taken for a new lease, it gets none.
  if (ahead)
    events.push({
      type: "worker_suspected",
      workerId: command.workerId,
      reason: "it holds leases from beyond the end of the journal, which was put back",
      lostAtMs: nowMs + FORGET_MS,
    });
  const drainedAgain = drainAgain(known, command.incarnation);
  events.push(...drainedAgain);
  // What it holds and we do not know of: a finished one will get its answer when the result comes.
  const foreign = [...holds.values()].filter((one) => one.state !== "finished").map((one) => one.lease_seq);
  const draining = drainedAgain.length > 0 || (known?.incarnation === command.incarnation && known.draining);
  const fenced = [...foreign, ...cancelled];
  const commands = openCommands(known);
  return { events, reply: { type: "reattached", ahead, resend, fenced, revoked, draining, commands } };
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
  const message = `Worker ${worker.name} no longer knows the attempt.`;
  const lost = endAll(worker, (lease) =>
    lease.leaseSeq > command.receivedSeq || held.has(lease.leaseSeq) ? [] : lostAttempt(lease, { nowMs, message }),
  );
  return done(...events, ...lost);
}

export function decideCapabilities(state: State, command: Of<"update_capabilities">): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const { name, incarnation } = worker;
  const unfit = [...worker.leases.values()].filter(
    ({ task }) => !fit(task.requirementClass.needs, command.capabilities).fits,
  );
  return done({ ...command, type: "worker_registered", name, incarnation }, ...unfitReserve(unfit));
}

/** The session ended: no new work, and when the worker is not back in time it is lost. */
export function decideDisconnected(state: State, command: Of<"worker_disconnected">, nowMs: number): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const { workerId, reason, graceMs } = command;
  return done({ type: "worker_suspected", workerId, reason, lostAtMs: soonest(worker, nowMs + graceMs) });
}

/** One that was silent before gets no more time for it. */
function soonest({ state, timerMs }: WorkerRecord, lostAtMs: number): number {
  return state === "suspect" && timerMs !== null ? Math.min(timerMs, lostAtMs) : lostAtMs;
}

/** Nothing was heard of the worker for longer than is usual: no new work, and when it stays silent it is lost. */
export function decideSilent(state: State, command: Of<"worker_silent">, nowMs: number): Decision {
  const worker = speaker(state, command);
  if (!worker || worker.state === "suspect") return done();
  const { workerId, reason, graceMs } = command;
  return done({ type: "worker_suspected", workerId, reason, lostAtMs: nowMs + graceMs, connected: true });
}

export function decideHeard(state: State, command: Of<"worker_heard">): Decision {
  const worker = speaker(state, command);
  return worker?.state === "suspect" ? done({ type: "worker_resumed", workerId: worker.workerId }) : done();
}

export function decideQuarantine(state: State, { workerId, by, reason }: Of<"quarantine_worker">): Decision {
  const worker = state.workers.get(workerId);
  if (!worker) return refused(fault("not_found", `No worker has the id ${workerId}.`));
  // What the scheduler did, a check could undo.
  if (typeof state.quarantines.get(workerId)?.by === "string") return done();
  return done({ type: "worker_quarantined", workerId, reason, by });
}

/** Ends a quarantine, whoever began it. */
export function decideRelease(state: State, { workerId, by, reason }: Of<"release_worker">): Decision {
  const worker = state.workers.get(workerId);
  if (!worker) return refused(fault("not_found", `No worker has the id ${workerId}.`));
  if (!state.quarantines.has(workerId)) return done();
  return done({ type: "worker_released", workerId, reason, by });
}

/** The worker leaves for good; what it still holds goes back to the queue. */
export function decideGoodbye(state: State, command: Of<"worker_goodbye">, nowMs: number): Decision {
  const worker = speaker(state, command);
  if (!worker) return done();
  const returned = endAll(worker, (lease) => preempted(lease, nowMs));
  return done(...dropCheck(worker), ...returned, {
    type: "worker_left",
    workerId: worker.workerId,
    reason: command.reason,
  });
}
