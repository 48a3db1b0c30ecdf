import { AssayError, TokenBucket } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import type { AssignItem, FinishedItem, HeldLease } from "../contracts/index.ts";
import type { WorkerMessageInput } from "../transport/index.ts";
import type { Outbox } from "./outbox.ts";
import { heldLease } from "./slots.ts";
import type { SlotEvents } from "./slots.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/** A coordinator closes sessions that send a thousand per second for long; the live view and heartbeats need some, too. */
const FRAMES_PER_SECOND = 700;
/** Reasons are short on the wire. */
const MAX_REASON_LENGTH = 500;

export interface Outlet {
  send(frame: WorkerMessageInput): void;
}

export interface OutgoingOptions {
  outbox: Outbox;
  /** The open session, if any. */
  session: () => Outlet | undefined;
  /** Calls the action once, when the current turn of the event loop is over. */
  defer: (action: () => void) => void;
  /** All that changed until now is stored, and sent if it could be. */
  onFlushed: () => void;
  /** Where artifacts of results are; all are delivered when absent. */
  artifacts?: { stateOf(sha256: string): "waiting" | "lost" | "delivered" } | undefined;
  clock: Clock;
  logger: WorkerLogger;
}

/**
 * What became of leases, on its way to the coordinator. All of one turn of the event loop leaves together: results are stored
 * first, in one transaction; a start whose end is also known by then is not worth a frame. While there is no session, starts
 * and returned leases wait here and results in the outbox.
 */
export class Outgoing implements SlotEvents {
  private readonly options: OutgoingOptions;
  private readonly starts = new Map<number, number>();
  private readonly returns = new Map<number, { item: AssignItem; reason: string; payload?: string }>();
  /** Results whose artifacts are not delivered yet. */
  private readonly incomplete = new Set<number>();
  private scheduled = false;
  private readonly frames: TokenBucket;

  constructor(options: OutgoingOptions) {
    this.options = options;
    const rate = { perSecond: FRAMES_PER_SECOND, burst: FRAMES_PER_SECOND };
    this.frames = new TokenBucket(rate, options.clock.monotonicMs());
  }

  started(item: AssignItem, atMs: number): void {
    this.starts.set(item.lease_seq, atMs);
    this.schedule();
  }

  finished(item: FinishedItem): void {
    this.starts.delete(item.lease_seq);
    this.options.outbox.add(this.withoutLost(item));
    this.schedule();
  }

  released(item: AssignItem, returned: { reason: string; payload?: string }): void {
    this.starts.delete(item.lease_seq);
    this.returns.set(item.lease_seq, { item, ...returned, reason: returned.reason.slice(0, MAX_REASON_LENGTH) });
    this.schedule();
  }

  acknowledged(leaseSeq: number): void {
    this.incomplete.delete(leaseSeq);
    this.options.outbox.acknowledge(leaseSeq);
    this.schedule();
  }

  /** Leases that are not the slots' any more and that the coordinator still thinks are here. */
  held(): HeldLease[] {
    const returned = [...this.returns.values()].map(({ item }) => heldLease(item, "waiting"));
    const finished = this.options.outbox.all().map(({ lease_seq, run_id, attempt, result }) => {
      return { lease_seq, run_id, task_id: result.task_id, attempt, state: "finished" as const };
    });
    return [...returned, ...finished];
  }

  /** Nobody wants to hear of any of it any more. */
  forget(): void {
    this.starts.clear();
    this.returns.clear();
    this.incomplete.clear();
    for (const { lease_seq } of this.options.outbox.all()) this.options.outbox.acknowledge(lease_seq);
    this.flush();
  }

  /** A session was opened: the coordinator hears again of every result that it has not acknowledged. */
  resume(): void {
    this.options.outbox.commit();
    this.sendResults(this.options.outbox.all());
    this.flush();
  }

  /** Artifacts were delivered or given up: results that waited for them may go. */
  artifactsChanged(): void {
    for (const item of this.options.outbox.all()) {
      const kept = this.withoutLost(item);
      if (kept !== item) this.options.outbox.add(kept);
    }
    this.flush();
  }

  /** Stores and sends what there is, now. */
  flush(): void {
    const results = this.options.outbox.commit();
    const session = this.options.session();
    if (session !== undefined) this.sendChanges(session);
    const waited = [...this.incomplete].flatMap((leaseSeq) => this.options.outbox.get(leaseSeq) ?? []);
    this.sendResults([...new Set([...waited, ...results])]);
    this.options.onFlushed();
  }

  private sendChanges(session: Outlet): void {
    if (this.starts.size > 0) {
      const items = [...this.starts].map(([lease_seq, started_at_ms]) => ({ lease_seq, started_at_ms }));
      this.starts.clear();
      this.send(session, { type: "started", items });
    }
    if (this.returns.size > 0) {
      const items = [...this.returns].map(([lease_seq, { item: _item, ...returned }]) => ({ lease_seq, ...returned }));
      this.returns.clear();
      this.send(session, { type: "released", items });
    }
  }

  private send(session: Outlet, frame: WorkerMessageInput): void {
    this.frames.overdraw(this.options.clock.monotonicMs());
    session.send(frame);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const run = (): void => {
      this.scheduled = false;
      this.flush();
    };
    const waitMs = this.frames.waitMs(this.options.clock.monotonicMs());
    if (waitMs > 0) this.options.clock.setTimer(waitMs, run);
    else this.options.defer(run);
  }

  private sendResults(results: readonly FinishedItem[]): void {
    let items = results.filter((item) => this.isComplete(item));
    while (items.length > 0) {
      const session = this.options.session();
      if (session === undefined) return;
      try {
        return this.send(session, { type: "finished", items });
      } catch (error) {
        items = this.replaceUnsendable(items, error);
      }
    }
  }

  /** Whoever reads a result must find what it names. */
  private isComplete(item: FinishedItem): boolean {
    const { artifacts } = this.options;
    const complete = item.result.artifacts.every(({ sha256 }) => artifacts?.stateOf(sha256) !== "waiting");
    if (complete) this.incomplete.delete(item.lease_seq);
    else this.incomplete.add(item.lease_seq);
    return complete;
  }

  private withoutLost(item: FinishedItem): FinishedItem {
    const { artifacts } = this.options;
    const kept = item.result.artifacts.filter(({ sha256 }) => artifacts?.stateOf(sha256) !== "lost");
    if (kept.length === item.result.artifacts.length) return item;
    return { ...item, result: { ...item.result, artifacts: kept } };
  }

  /** A result too large or too deep for a frame would be tried forever: a failure that says so takes its place. */
  private replaceUnsendable(items: FinishedItem[], error: unknown): FinishedItem[] {
    const leaseSeq = error instanceof AssayError ? error.details["lease_seq"] : undefined;
    const index = items.findIndex((item) => item.lease_seq === leaseSeq);
    const item = items[index];
    if (item === undefined || !(error instanceof AssayError)) throw error;
    this.options.logger.error(
      { lease_seq: leaseSeq, err: error.message },
      "a result cannot be sent; a failure takes its place",
    );
    const { task_id, worker_id, execution_time_seconds } = item.result;
    const replacement: FinishedItem = {
      ...item,
      result: {
        task_id,
        worker_id,
        status: "failed",
        execution_time_seconds,
        hardware_metrics: {},
        results: {},
        simulation_status: { is_simulated: false },
        failure: { class: "setup", reason: "result_not_sendable", message: error.message },
        recovery: [],
        metrics: [],
        artifacts: [],
      },
    };
    this.options.outbox.add(replacement);
    this.options.outbox.commit();
    return items.with(index, replacement);
  }
}
