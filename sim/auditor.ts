import type { AckVerdict, AssignItem, FinishedItem, HeldLease, PlacedEvent } from "../src/contracts/index.ts";
import type { Coverage } from "./coverage.ts";
import { Hearsay } from "./hearsay.ts";
import type { Parcel, Tap } from "./network.ts";
import { demand } from "./violation.ts";

/** A session as seen from outside. */
interface Session {
  workerId: string;
  /** The store's when it was opened. */
  history: number;
  /** Of the last welcome that arrived. */
  epoch: number;
  /** The welcome was of a leader older than one that this process of the worker knows. */
  stale: boolean;
  /** The tail of the journal when the worker was told to drain. */
  drainedAtSeq: number | null;
}

/**
 * Sees only what passes between processes: frames, submissions and their answers, and the store's notices of what is durable.
 * It knows no state, so it cannot make the same mistake as the scheduler.
 */
export class Auditor {
  private readonly coverage: Coverage;
  private readonly fail: (error: unknown) => void;
  private durableSeq = 0;
  private epochs = new Map<string, number>();
  private readonly holders = new Map<number, string>();
  /** The same, before the store was put back: until a worker hears that such a lease is none, it may begin it. */
  private readonly former = new Set<string>();
  private readonly lastLease = new Map<string, number>();
  private readonly begun = new Map<string, Set<number>>();
  private readonly accepted = new Map<number, { key: string; workerId: string }>();
  private readonly acceptedKeys = new Set<string>();
  private readonly acknowledged = new Map<number, AckVerdict>();
  private readonly archived = new Set<string>();
  private readonly runOf = new Map<number, string>();
  private readonly durableRuns = new Set<string>();
  private hearsay: Hearsay;
  /** The store's history, and the one in which each worker was last welcomed. */
  private history = 1;
  private readonly histories = new Map<string, number>();
  private readonly submissions = new Map<string, string>();
  /** Spoils what workers say about the leases that they hold. */
  misreport: (held: readonly number[]) => readonly number[] = (held) => held;

  /** Every assignment comes twice. */
  repeats = false;

  /** `fail`: taken down at once, because what throws inside production code may be caught there. */
  constructor(parts: { coverage: Coverage; prompt: boolean; fail: (error: unknown) => void }) {
    this.coverage = parts.coverage;
    this.fail = parts.fail;
    this.hearsay = new Hearsay(parts.prompt);
  }

  /** Everything since a backup never was; what is durable comes again. Workers do not know it yet. */
  restored(history: number): void {
    this.history = history;
    this.hearsay = new Hearsay(false);
    this.durableSeq = 0;
    for (const [leaseSeq, workerId] of this.holders) this.former.add(`${workerId}/${leaseSeq}`);
    for (const facts of [this.holders, this.lastLease, this.accepted, this.archived, this.runOf, this.durableRuns])
      facts.clear();
    this.acceptedKeys.clear();
    this.acknowledged.clear();
    this.submissions.clear();
  }

  /** The history in which a worker was last welcomed. */
  historyOf(workerId: string): number {
    return this.histories.get(workerId) ?? this.history;
  }

  private isBehind(workerId: string): boolean {
    return this.historyOf(workerId) < this.history;
  }

  /** The store's notice of a batch. */
  durable(events: readonly PlacedEvent[]): void {
    this.hearsay.durable(events);
    for (const { seq, event } of events) {
      this.durableSeq = seq;
      if (event.type === "run_submitted") this.durableRuns.add(event.runId);
      if (event.type === "run_archived") this.archived.add(event.runId);
      if (event.type === "attempt_leased") this.runOf.set(seq, event.runId);
      if (event.type !== "attempt_finished" || event.result === null) continue;
      const key = `${event.runId}/${event.taskId}/${event.attempt}`;
      demand(!this.acceptedKeys.has(key), "S2", () => `two results of ${key} are durable`);
      this.acceptedKeys.add(key);
      this.accepted.set(event.leaseSeq, { key, workerId: event.workerId });
    }
  }

  /** A client got its answer. */
  submitted(key: string | null, runId: string): void {
    demand(this.durableRuns.has(runId), "S6", () => `run ${runId} was acknowledged before it was durable`);
    if (key === null) return;
    const known = this.submissions.get(key);
    demand(known === undefined || known === runId, "S16", () => `key ${key} was answered with ${known} and ${runId}`);
    this.submissions.set(key, runId);
  }

  workerStarted(workerId: string): void {
    this.epochs.delete(workerId);
    this.begun.set(workerId, new Set());
  }

  /** A worker takes a result from its disk. */
  resultRemoved(workerId: string, leaseSeq: number): void {
    // What it was given before the store was put back it may forget, and what never was its own.
    if (this.holders.get(leaseSeq) !== workerId) return;
    this.watched(() => this.hearsay.forgets(workerId, leaseSeq));
  }

  attemptStarted(workerId: string, leaseSeq: number): void {
    this.watched(() => this.began(workerId, leaseSeq));
  }

  private began(workerId: string, leaseSeq: number): void {
    // It goes on with what it was given before the store was put back.
    if (this.isBehind(workerId)) return;
    const begun = this.begun.get(workerId);
    demand(begun && !begun.has(leaseSeq), "S3", () => `${workerId} runs lease ${leaseSeq} twice`);
    const isIts = this.holders.get(leaseSeq) === workerId || this.former.has(`${workerId}/${leaseSeq}`);
    demand(isIts, "S3", () => `${workerId} runs lease ${leaseSeq} of another`);
    begun.add(leaseSeq);
  }

  taps(workerId: string): { worker: Tap; coordinator: Tap } {
    const session: Session = { workerId, history: this.history, epoch: 0, stale: false, drainedAtSeq: null };
    return {
      worker: {
        sent: (parcel) => this.watched(() => this.workerSent(session, parcel)),
        arrived: (parcel) => this.watched(() => this.workerGot(session, parcel)),
      },
      coordinator: {
        sent: (parcel) => this.watched(() => this.coordinatorSent(session, parcel)),
        arrived: () => undefined,
      },
    };
  }

  private watched(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.fail(error);
    }
  }

  /** At the end, with all leases that have an accepted result in the journal's state. */
  end(has: (leaseSeq: number) => boolean): void {
    for (const [leaseSeq, verdict] of this.acknowledged) {
      if (verdict !== "accepted") continue;
      demand(this.accepted.has(leaseSeq), "S1", () => `the acknowledged result of lease ${leaseSeq} is not durable`);
      const archived = this.archived.has(this.runOf.get(leaseSeq) ?? "");
      demand(archived || has(leaseSeq), "S1", () => `the acknowledged result of lease ${leaseSeq} is lost`);
    }
    for (const runId of this.submissions.values())
      demand(this.durableRuns.has(runId), "S1", () => `the acknowledged run ${runId} is lost`);
  }

  private workerSent(session: Session, { frame }: Parcel): void {
    demand(!session.stale, "S5", () => `${session.workerId} speaks to the old leader of epoch ${session.epoch}`);
    if (frame.type === "heartbeat") frame["held"] = this.misreport(frame["held"] as number[]);
    if (frame.type === "hello") {
      const held = frame["held"] as HeldLease[];
      const kept = new Set(this.misreport(held.map((one) => one.lease_seq)));
      frame["held"] = held.filter((one) => kept.has(one.lease_seq));
      this.hearsay.connects(`${session.workerId}/${String(frame["incarnation"])}`, {
        atSeq: this.durableSeq,
        // One that holds leases from beyond the journal's end must forget all that it holds.
        held: [...kept].some((seq) => seq > this.durableSeq) ? new Set() : kept,
      });
    }
    // Executors can leave something for the next attempt; the worker of today does not send it yet.
    if (frame.type === "progress") frame["payload"] = `from lease ${String(frame["lease_seq"])}`;
    if (frame.type === "finished")
      for (const { lease_seq: seq } of frame["items"] as FinishedItem[])
        if (this.acknowledged.has(seq)) this.coverage.reached("result acknowledged twice");
  }

  private workerGot(session: Session, { frame }: Parcel): void {
    if (session.history !== this.history) return;
    if (frame.type === "ack")
      for (const { lease_seq: seq } of frame["items"] as { lease_seq: number }[])
        this.hearsay.answers(session.workerId, seq);
    if (frame.type !== "welcome") return;
    session.epoch = frame["epoch"] as number;
    const { workerId } = session;
    // The first since the store was put back: what was before counts no more.
    if (this.isBehind(workerId)) this.workerStarted(workerId);
    this.histories.set(workerId, this.history);
    const highest = this.epochs.get(workerId) ?? 0;
    session.stale = session.epoch < highest;
    this.epochs.set(workerId, Math.max(highest, session.epoch));
  }

  private coordinatorSent(session: Session, { frame }: Parcel): void {
    if (frame.type === "assign") {
      const items = frame["items"] as AssignItem[];
      for (const item of items) this.assigned(session, item);
      if (this.repeats) frame["items"] = [...items, ...items];
    }
    if (frame.type === "ack")
      for (const item of frame["items"] as { lease_seq: number; verdict: AckVerdict }[]) this.acked(session, item);
    if (frame.type === "revoke")
      for (const { lease_seq: seq } of frame["items"] as { lease_seq: number }[]) this.hearsay.recalled(seq);
    if (frame.type === "drain") session.drainedAtSeq = this.durableSeq;
  }

  private assigned({ workerId, drainedAtSeq }: Session, item: AssignItem): void {
    const { lease_seq: seq } = item;
    demand(seq <= this.durableSeq, "S6", () => `lease ${seq} is sent and the journal ends at ${this.durableSeq}`);
    demand(drainedAtSeq === null || seq <= drainedAtSeq, "S19", () => `lease ${seq} goes to the drained ${workerId}`);
    const holder = this.holders.get(seq);
    demand(holder === undefined || holder === workerId, "S3", () => `lease ${seq} goes to ${holder} and ${workerId}`);
    this.holders.set(seq, workerId);
    this.hearsay.assigned(seq, item.payload);
    const task = `${item.run_id}/${item.spec.task_id}/${workerId}`;
    const last = this.lastLease.get(task) ?? 0;
    demand(seq >= last, "S3", () => `lease ${seq} of ${task} comes after ${last}`);
    this.lastLease.set(task, seq);
  }

  private acked({ workerId }: Session, { lease_seq: seq, verdict }: { lease_seq: number; verdict: AckVerdict }): void {
    const durable = this.accepted.get(seq);
    if (verdict === "accepted") {
      demand(durable, "S6", () => `the result of lease ${seq} is acknowledged before it is durable`);
      demand(durable.workerId === workerId, "S3", () => `${workerId} is acknowledged for ${durable.workerId}`);
    } else {
      this.coverage.reached(verdict === "stale" ? "stale result" : "conflicting result");
      const archived = this.archived.has(this.runOf.get(seq) ?? "");
      const isKnown = durable?.workerId === workerId && !archived;
      demand(verdict === "conflict" || !isKnown, "S1", () => `the durable result of lease ${seq} is called ${verdict}`);
    }
    if (this.acknowledged.get(seq) !== "accepted") this.acknowledged.set(seq, verdict);
  }
}
