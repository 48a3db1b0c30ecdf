import type { Clock } from "../base/index.ts";
import type { AssignItem, FinishedItem, HeldLease, ResultDocument } from "../contracts/index.ts";
import type { AbortReason } from "../executors/index.ts";

/** Leases that ended are remembered for a session, so that a second copy of an assignment does not run again. */
const REMEMBERED_LEASES = 10_000;

/** What came of an attempt. */
export interface AttemptEnd {
  result: ResultDocument;
  /** What it leaves for the next attempt; null when it said nothing. */
  payload: string | null;
}

/** Runs one attempt. Never rejects. The controller is the attempt's own; its reason is an `AbortReason`. */
export interface AttemptRunner {
  run(item: AssignItem, controller: AbortController): Promise<AttemptEnd>;
  /** The result of an attempt that was cancelled before it began. */
  cancelled(item: AssignItem, reason: string): ResultDocument;
}

export interface SlotEvents {
  started(item: AssignItem, atMs: number): void;
  finished(item: FinishedItem): void;
  /** The lease goes back unused, or its attempt was given up for no fault of its own; then perhaps with a payload. */
  released(item: AssignItem, returned: { reason: string; payload?: string }): void;
}

export interface SlotsOptions {
  /** Most attempts at the same time. */
  slots: number;
  runner: AttemptRunner;
  events: SlotEvents;
  clock: Clock;
}

interface RunningAttempt {
  item: AssignItem;
  startedAtMs: number;
  controller: AbortController;
}

/** The leases of a worker: those that wait for a slot, in order, and those that run. Knows each lease once. */
export class Slots {
  private readonly options: SlotsOptions;
  private readonly waiting = new Map<number, AssignItem>();
  private readonly running = new Map<number, RunningAttempt>();
  private readonly ended = new Set<number>();
  private closedBecause: string | undefined;
  private heldBecause: string | undefined;

  constructor(options: SlotsOptions) {
    this.options = options;
  }

  get waitingCount(): number {
    return this.waiting.size;
  }

  get runningCount(): number {
    return this.running.size;
  }

  /** Takes a lease, or hands it back when the slots are closed; does nothing for one that is known. */
  offer(item: AssignItem): void {
    const leaseSeq = item.lease_seq;
    if (this.waiting.has(leaseSeq) || this.running.has(leaseSeq) || this.ended.has(leaseSeq)) return;
    const refusal = this.closedBecause ?? this.heldBecause;
    if (refusal !== undefined) return this.options.events.released(item, { reason: refusal });
    this.waiting.set(leaseSeq, item);
    this.fill();
  }

  /** Ends an attempt, begun or not. Unknown leases are of the past. */
  cancel(leaseSeq: number, reason: string): void {
    const item = this.waiting.get(leaseSeq);
    if (item === undefined) return this.running.get(leaseSeq)?.controller.abort("cancelled" satisfies AbortReason);
    this.waiting.delete(leaseSeq);
    this.finish(item, this.options.clock.nowMs(), this.options.runner.cancelled(item, reason));
  }

  /** Hands a lease back that has not started; with `running` one that has is told to stop and handed back then. */
  revoke(leaseSeq: number, { running, reason }: { running: boolean; reason: string }): void {
    const item = this.waiting.get(leaseSeq);
    if (item !== undefined) {
      this.waiting.delete(leaseSeq);
      this.options.events.released(item, { reason });
    } else if (running) {
      this.running.get(leaseSeq)?.controller.abort("preempted" satisfies AbortReason);
    }
  }

  /** Takes no more leases and hands back those that wait; what runs goes on. */
  close(reason: string): void {
    this.closedBecause = reason;
    this.returnWaiting(reason);
  }

  /** The same until `resume`. */
  hold(reason: string): void {
    this.heldBecause = reason;
    this.returnWaiting(reason);
  }

  resume(): void {
    this.heldBecause = undefined;
  }

  private returnWaiting(reason: string): void {
    for (const item of this.waiting.values()) this.options.events.released(item, { reason });
    this.waiting.clear();
  }

  /** Leases that wait go without a word. */
  drop(): void {
    this.waiting.clear();
  }

  /**
   * What ended before this session the coordinator knows, or the outbox. After its journal was put back the same numbers may come
   * for other leases.
   */
  forgetEnded(): void {
    this.ended.clear();
  }

  /** Gives up what runs: each attempt is handed back, unless it ends with a result after all. */
  abort(): void {
    for (const { controller } of this.running.values()) controller.abort("shutdown" satisfies AbortReason);
  }

  held(): HeldLease[] {
    const waiting = [...this.waiting.values()].map((item) => heldLease(item, "waiting"));
    return [...waiting, ...[...this.running.values()].map(({ item }) => heldLease(item, "running"))];
  }

  private fill(): void {
    while (this.running.size < this.options.slots) {
      const next = this.waiting.values().next();
      if (next.done === true) return;
      this.waiting.delete(next.value.lease_seq);
      this.start(next.value);
    }
  }

  private start(item: AssignItem): void {
    const { runner, events, clock } = this.options;
    const attempt = { item, startedAtMs: clock.nowMs(), controller: new AbortController() };
    this.running.set(item.lease_seq, attempt);
    events.started(item, attempt.startedAtMs);
    void runner.run(item, attempt.controller).then((end) => this.settle(attempt, end));
  }

  private settle({ item, startedAtMs, controller }: RunningAttempt, { result, payload }: AttemptEnd): void {
    this.running.delete(item.lease_seq);
    const why: unknown = controller.signal.reason;
    if ((why === "shutdown" || why === "preempted") && result.status === "cancelled") {
      const reason = why === "preempted" ? "made room for other work" : (this.closedBecause ?? "the worker stops");
      this.options.events.released(item, { reason, ...(payload === null ? {} : { payload }) });
    } else {
      this.finish(item, startedAtMs, result);
    }
    this.fill();
  }

  private finish(item: AssignItem, startedAtMs: number, result: ResultDocument): void {
    this.remember(item.lease_seq);
    this.options.events.finished({
      lease_seq: item.lease_seq,
      run_id: item.run_id,
      attempt: item.attempt,
      started_at_ms: startedAtMs,
      finished_at_ms: this.options.clock.nowMs(),
      result,
    });
  }

  private remember(leaseSeq: number): void {
    this.ended.add(leaseSeq);
    if (this.ended.size <= REMEMBERED_LEASES) return;
    const [oldest] = this.ended;
    if (oldest !== undefined) this.ended.delete(oldest);
  }
}

/** A lease as the coordinator is told of it. */
export function heldLease(item: AssignItem, state: HeldLease["state"]): HeldLease {
  const { lease_seq, run_id, attempt, spec } = item;
  return { lease_seq, run_id, task_id: spec.task_id, attempt, state };
}
