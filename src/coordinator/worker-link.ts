import { asRunId, asWorkerId, assertNever } from "../base/index.ts";
import type { Clock, WorkerId } from "../base/index.ts";
import type {
  CloseReason,
  JournalEvent,
  PlacedEvent,
  WorkerCommandItem,
  WorkerFrame,
  WorkerFrameOf,
} from "../contracts/index.ts";
import type { Command, Lease, Reply, State, Task, WorkerCommand } from "../scheduler/index.ts";
import type { Answer } from "./leader.ts";
import { Liveness } from "./liveness.ts";
import type { LiveLogs } from "./live-logs.ts";
import { Outbox } from "./outbox.ts";
import type { AssignItem } from "./outbox.ts";
import type { CoordinatorMessage } from "./outbox.ts";
import { shortTask } from "./short-task.ts";
import { survey } from "./survey.ts";

/** The coordinator's end of a worker's session, as the transport gives it. */
export interface WorkerSession {
  welcome(welcome: { sessionId: string; epoch: number; heartbeatIntervalMs: number; workerTimeoutMs: number }): void;
  send(frame: CoordinatorMessage): void;
  close(reason: CloseReason, message: string): void;
}

export interface WorkerLinkOptions {
  state: State;
  /** Decides a command; false when this process no longer leads. */
  execute: (command: Command, answer?: Answer) => boolean;
  newSessionId: () => string;
  clock: Clock;
  liveLogs: LiveLogs;
  heartbeatIntervalMs: number;
  workerTimeoutMs: number;
  /** A worker whose session ended is lost unless it is back within so long. */
  reconnectGraceMs: number;
}

/** Heartbeats of all workers together, as long as that leaves none unheard for too long. */
const MAX_HEARTBEATS_PER_SECOND = 2_000;
const LONGEST_INTERVAL_MS = 5_000;
/** A worker that is asked for few heartbeats is given time for so many, one and a half of them late. */
const BEATS_MISSED = 2.5;
/** After this process stood still, workers have so long to come back, and the same time later none is judged by it any more. */
const STALL_GRACE_MS = 30_000;

interface Peer {
  session: WorkerSession;
  sessionId: string;
  workerId: WorkerId;
  outbox: Outbox;
  /** Nothing is sent before the welcome: what was leased meanwhile is sent with it. */
  welcomed: boolean;
  /** Silence after which the worker is lost. */
  timeoutMs: number;
  /** Takes the answers to its results. */
  acknowledge: Answer;
}

/**
 * The sessions of workers: turns their frames into commands, and committed events into frames. One session speaks for a
 * worker; a newer one replaces it.
 */
export class WorkerLink {
  private readonly options: WorkerLinkOptions;
  private readonly peers = new Map<WorkerSession, Peer>();
  private readonly byWorker = new Map<WorkerId, Peer>();
  private readonly filled = new Set<Peer>();
  private readonly liveness: Liveness<Peer>;
  private flushScheduled = false;

  constructor(options: WorkerLinkOptions) {
    this.options = options;
    this.liveness = new Liveness({
      clock: options.clock,
      onSilent: (peer, silentMs) => this.suspect(peer, silentMs),
      onHeard: ({ workerId, sessionId }) => options.execute({ type: "worker_heard", workerId, sessionId }),
    });
  }

  onHello(session: WorkerSession, hello: WorkerFrameOf<"hello">): void {
    const workerId = asWorkerId(hello.worker_id);
    this.byWorker.get(workerId)?.session.close("session_replaced", `Worker ${hello.name} connected again.`);
    const peer: Peer = {
      session,
      sessionId: this.options.newSessionId(),
      workerId,
      outbox: new Outbox(),
      welcomed: false,
      timeoutMs: this.options.workerTimeoutMs,
      acknowledge: (reply) => this.acknowledge(peer, reply),
    };
    this.peers.set(session, peer);
    this.byWorker.set(workerId, peer);
    const { name, incarnation, capabilities, slots, credits, held, note } = hello;
    const sessionId = peer.sessionId;
    const command: Command = {
      type: "register_worker",
      workerId,
      name,
      incarnation,
      sessionId,
      capabilities,
      slots,
      credits,
      held,
      note,
    };
    const led = this.options.execute(command, (reply) => this.welcome(peer, reply));
    if (!led) session.close("not_leader", "This coordinator does not lead now.");
  }

  onFrame(session: WorkerSession, frame: WorkerFrame): void {
    const peer = this.peers.get(session);
    if (!peer) return;
    this.liveness.heard(peer, frame.type === "heartbeat");
    const led = this.handle(peer, frame);
    if (!led) session.close("not_leader", "This coordinator does not lead now.");
  }

  onClosed(session: WorkerSession, end: { reason: string; message: string }): void {
    const peer = this.peers.get(session);
    if (!peer) return;
    this.peers.delete(session);
    this.filled.delete(peer);
    if (this.byWorker.get(peer.workerId) === peer) this.byWorker.delete(peer.workerId);
    const { workerId, sessionId } = peer;
    const graceMs = this.graceMs(end.reason);
    this.liveness.remove(peer);
    this.options.execute({
      type: "worker_disconnected",
      workerId,
      sessionId,
      reason: end.message || end.reason,
      graceMs,
    });
  }

  private graceMs(reason: string): number {
    // Workers gave up a coordinator that stood still, and wait before they try again.
    if (this.liveness.stalledWithin(STALL_GRACE_MS)) return Math.max(STALL_GRACE_MS, this.options.reconnectGraceMs);
    // One that was silent for long enough has had its time.
    return reason === "heartbeat_timeout" ? 0 : this.options.reconnectGraceMs;
  }

  closeAll(reason: CloseReason, message: string): void {
    for (const { session } of this.peers.values()) session.close(reason, message);
  }

  /** Sends what a committed batch means for workers. */
  onCommitted(events: readonly PlacedEvent[]): void {
    for (const { seq, event } of events) this.effect(seq, event);
    for (const peer of this.filled) this.flush(peer);
    this.filled.clear();
  }

  private welcome(peer: Peer, reply: Reply): void {
    if (this.byWorker.get(peer.workerId) !== peer || reply.type !== "reattached") return;
    if (reply.ahead)
      return peer.session.close("journal_put_back", "The worker holds leases from beyond the journal's end.");
    const heartbeatIntervalMs = this.heartbeatIntervalMs();
    const workerTimeoutMs = Math.max(this.options.workerTimeoutMs, Math.ceil(BEATS_MISSED * heartbeatIntervalMs));
    const { epoch } = this.options.state;
    peer.session.welcome({ sessionId: peer.sessionId, epoch, heartbeatIntervalMs, workerTimeoutMs });
    peer.welcomed = true;
    peer.timeoutMs = workerTimeoutMs;
    this.liveness.add(peer, heartbeatIntervalMs);
    for (const leaseSeq of reply.resend) this.sendAssign(peer, leaseSeq);
    for (const leaseSeq of reply.fenced)
      peer.outbox.addCancel({ lease_seq: leaseSeq, reason: "the lease was taken away" });
    for (const { leaseSeq, running } of reply.revoked)
      peer.outbox.addRevoke({ lease_seq: leaseSeq, running, reason: "asked back before" });
    if (reply.draining) peer.outbox.addDrain("asked to drain");
    for (const command of reply.commands) peer.outbox.addCommand(commandItem(command));
    this.flush(peer);
  }

  /** The more workers there are, the less often each is heard, as in Nomad: heartbeats must not crowd out work. */
  private heartbeatIntervalMs(): number {
    const stretchedMs = Math.ceil((this.peers.size * 1000) / MAX_HEARTBEATS_PER_SECOND);
    return Math.max(this.options.heartbeatIntervalMs, Math.min(stretchedMs, LONGEST_INTERVAL_MS));
  }

  private suspect({ workerId, sessionId, timeoutMs }: Peer, silentMs: number): void {
    const reason = `nothing was heard for ${Math.round(silentMs / 1000)} s`;
    const graceMs = Math.round(Math.max(timeoutMs - silentMs, 0));
    this.options.execute({ type: "worker_silent", workerId, sessionId, reason, graceMs });
  }

  private flush(peer: Peer): void {
    for (const frame of peer.outbox.take()) peer.session.send(frame);
  }

  private handle(peer: Peer, frame: WorkerFrame): boolean {
    const { execute, liveLogs } = this.options;
    const { workerId, sessionId } = peer;
    switch (frame.type) {
      case "hello":
        return true;
      case "heartbeat": {
        const { load, held, received_seq: receivedSeq } = frame;
        return execute({ type: "worker_heartbeat", workerId, sessionId, load, held, receivedSeq });
      }
      case "started":
        return frame.items.every((item) =>
          execute({ type: "attempt_started", workerId, leaseSeq: item.lease_seq, startedAtMs: item.started_at_ms }),
        );
      case "finished":
        return this.finished(peer, frame.items);
      case "released":
        return frame.items.every((item) =>
          execute({
            type: "attempt_released",
            workerId,
            leaseSeq: item.lease_seq,
            reason: item.reason,
            ...(item.payload === undefined ? {} : { payload: item.payload }),
          }),
        );
      case "log":
        if (this.holds(workerId, frame.lease_seq))
          liveLogs.append(frame.lease_seq, { stream: frame.stream, text: frame.text });
        return true;
      case "progress": {
        const { lease_seq: leaseSeq, payload } = frame;
        return payload === undefined || execute({ type: "attempt_progressed", workerId, leaseSeq, payload });
      }
      case "capabilities": {
        const { type: _type, ...offer } = frame;
        return execute({ type: "update_capabilities", workerId, sessionId, ...offer });
      }
      case "goodbye":
        return execute({ type: "worker_goodbye", workerId, sessionId, reason: frame.reason }, () =>
          peer.session.close("normal", "goodbye"),
        );
      case "answer":
        return frame.items.every(({ command_id: commandId, state, message = "" }) =>
          execute({ type: "worker_answered", workerId, sessionId, commandId, state, message }),
        );
      default:
        return assertNever(frame);
    }
  }

  private finished(peer: Peer, items: WorkerFrameOf<"finished">["items"]): boolean {
    for (const item of items) {
      const digest = survey(item.result).fingerprint;
      const command = { type: "attempt_finished" as const, workerId: peer.workerId, item, digest };
      if (!this.options.execute(command, peer.acknowledge)) return false;
    }
    return true;
  }

  private acknowledge(peer: Peer, reply: Reply): void {
    if (reply.type !== "ack") return;
    this.fill(peer).addAck({ lease_seq: reply.leaseSeq, verdict: reply.verdict });
    this.flushSoon();
  }

  /** Acknowledgements of one turn leave together, also when the batch had no events of its own. */
  private flushSoon(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    queueMicrotask(() => {
      this.flushScheduled = false;
      this.onCommitted([]);
    });
  }

  private fill(peer: Peer): Outbox {
    if (this.peers.has(peer.session)) this.filled.add(peer);
    return peer.outbox;
  }

  private effect(seq: number, event: JournalEvent): void {
    switch (event.type) {
      case "attempt_leased": {
        const peer = this.byWorker.get(event.workerId);
        if (peer?.welcomed) this.sendAssign(peer, seq);
        return;
      }
      case "attempt_finished":
        this.options.liveLogs.end(event.leaseSeq);
        if (event.result === null) this.cancel(event.workerId, event.leaseSeq, event.failure?.message ?? "handed back");
        return;
      case "attempt_revoked": {
        const peer = this.byWorker.get(event.workerId);
        const { leaseSeq, running, reason } = event;
        if (peer?.welcomed) this.fill(peer).addRevoke({ lease_seq: leaseSeq, running, reason });
        return;
      }
      case "run_cancelled":
        for (const task of this.options.state.runs.get(event.runId)?.tasks.values() ?? [])
          this.cancelTask(task, event.reason);
        return;
      case "task_cancelled": {
        const task = this.options.state.runs.get(asRunId(event.runId))?.tasks.get(event.taskId);
        if (task) this.cancelTask(task, event.reason);
        return;
      }
      case "worker_lost":
        // One that has come back since, perhaps in the same batch, is not meant.
        if (this.options.state.workers.get(event.workerId)?.state === "lost")
          this.byWorker.get(event.workerId)?.session.close("heartbeat_timeout", "The worker was silent for too long.");
        return;
      case "worker_draining": {
        const peer = this.byWorker.get(event.workerId);
        // One that was started anew since, perhaps in the same batch, need not drain.
        const isMeant = this.options.state.workers.get(event.workerId)?.draining === true;
        if (peer?.welcomed && isMeant) this.fill(peer).addDrain(event.reason);
        return;
      }
      case "worker_commanded": {
        const peer = this.byWorker.get(event.workerId);
        if (peer?.welcomed) this.fill(peer).addCommand(commandItem(event));
        return;
      }
      default:
        return;
    }
  }

  private cancelTask(task: Task, reason: string): void {
    if (task.cancelRequested) for (const { workerId, leaseSeq } of task.leases) this.cancel(workerId, leaseSeq, reason);
  }

  private cancel(workerId: WorkerId, leaseSeq: number, reason: string): void {
    const peer = this.byWorker.get(workerId);
    if (peer?.welcomed) this.fill(peer).addCancel({ lease_seq: leaseSeq, reason });
  }

  private sendAssign(peer: Peer, leaseSeq: number): void {
    const lease = this.options.state.leases.get(leaseSeq);
    if (lease?.workerId !== peer.workerId) return;
    const peers = lease.task.group?.members.flatMap((member) => this.seatOf(member));
    this.fill(peer).addAssign(assignItem(lease, peers));
  }

  /** Where a member of a group runs. */
  private seatOf({ taskId, leases }: Task): Seat[] {
    const [lease] = leases;
    const worker = lease && this.options.state.workers.get(lease.workerId);
    return worker ? [{ task_id: taskId, worker_id: worker.workerId, hostname: worker.capabilities.hostname }] : [];
  }

  private holds(workerId: WorkerId, leaseSeq: number): boolean {
    return this.options.state.leases.get(leaseSeq)?.workerId === workerId;
  }
}

function commandItem({ commandId, action, deadlineMs, version, reason }: CommandText): WorkerCommandItem {
  return {
    command_id: commandId,
    action,
    ...(deadlineMs === null ? {} : { deadline_ms: deadlineMs }),
    ...(version === null ? {} : { version }),
    reason,
  };
}

type CommandText = Pick<WorkerCommand, "commandId" | "action" | "deadlineMs" | "version" | "reason">;
type Seat = NonNullable<AssignItem["peers"]>[number];

/** A lease as the worker is told of it; an absent field is not sent. */
function assignItem({ leaseSeq, task, attempt, hardware, gpus }: Lease, peers: Seat[] | undefined): AssignItem {
  return {
    lease_seq: leaseSeq,
    run_id: task.run.runId,
    attempt,
    hardware: hardware ?? undefined,
    gpus: gpus.length > 0 ? [...gpus] : undefined,
    payload: task.payload ?? undefined,
    peers,
    spec: shortTask(task),
  };
}
