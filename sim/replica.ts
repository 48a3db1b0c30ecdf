import type { PlacedEvent } from "../src/contracts/index.ts";
import { eventsOf } from "../src/coordinator/recent-events.ts";
import { isSnapshotDue } from "../src/coordinator/snapshot-due.ts";
import type { Batch } from "../src/journal/index.ts";
import { tailAfter } from "../src/journal/batch.ts";
import { emptyState, evolve, snapshotParts } from "../src/scheduler/index.ts";
import type { State } from "../src/scheduler/index.ts";
import { copyBySnapshot, textOf } from "../src/scheduler/scheduler-acceptance.ts";
import type { Auditor } from "./auditor.ts";
import { Projection } from "../src/results/projection.ts";
import { Checker } from "./checker.ts";
import { Coverage } from "./coverage.ts";
import { fullCheck } from "./full-check.ts";
import { isPrompt } from "./hearsay.ts";
import type { Options } from "./options.ts";
import { checkRows } from "./projected.ts";
import { allWait, checkFairness, checkOrder } from "./order.ts";
import type { ShareNode } from "../src/scheduler/share-tree.ts";
import type { SimStore } from "./store.ts";
import { demand } from "./violation.ts";

/** How many events lie between two looks at the whole state. */
const FULL_CHECK_EVERY = 1_500;
/** How many leases lie between two looks at the order: at least so many, and more where there is more to look at. */
const ORDER_CHECK_EVERY = 7;
const TASKS_PER_LEASE = 16;
const LAST_EVENTS = 40;

/** Replays the journal from its first event, batch by batch as it grows, and checks it on the way. */
export class Replica {
  state: State = emptyState();
  checker: Checker;
  readonly last: PlacedEvent[] = [];
  events = 0;
  private readonly parts: {
    store: SimStore;
    options: Options;
    coverage: Coverage;
    auditor: Auditor;
    leaders: () => State[];
    healing: () => boolean;
  };
  private projection = new Projection({ eventSeq: 0, batchSeq: 0 });
  /** All batches, with the history that each was first stored in; kept only where a backup may be put back. */
  private readonly stored: { batch: Batch; history: number }[] = [];
  private leases = 0;
  private checkedAt = 0;
  private savedAt = 0;
  private unmatched = false;
  private unevenAtMs = 0;

  constructor(parts: Replica["parts"]) {
    this.parts = parts;
    this.checker = new Checker(parts.coverage, isPrompt(parts.options));
    parts.store.onStored = (batch) => this.store(batch);
  }

  get batches(): number {
    return this.stored.length;
  }

  /** The store was put back to its first `batches` batches: everything is made again from them. */
  restore(batches: number): void {
    const { auditor, options, store } = this.parts;
    const kept = this.stored.slice(0, batches);
    this.stored.length = 0;
    this.state = emptyState();
    this.checker = new Checker(new Coverage(), false);
    this.projection = new Projection({ eventSeq: 0, batchSeq: 0 });
    auditor.restored(store.history);
    for (const { batch, history } of kept) {
      const events = eventsOf(batch, store.codec);
      auditor.durable(events);
      this.checker.history = history;
      this.checker.batch(batch, events[0]?.event.type === "epoch_opened");
      for (const placed of events) {
        this.checker.event(placed);
        evolve(this.state, placed.event, placed.atMs);
      }
      if (options.exact) this.projection.apply(events, batch.seq);
      this.checker.batchEnd();
      this.stored.push({ batch, history });
    }
    this.projection.take();
    this.checker.coverage = this.parts.coverage;
    this.unmatched = true;
  }

  check(): void {
    fullCheck(this.state, this.checker.ledger);
    this.checkedAt = this.events;
    this.unmatched = true;
    if (!this.parts.options.exact) return;
    this.checkCopy();
    checkRows(this.projection, this.checker.ledger);
    this.projection.take();
    this.parts.coverage.reached("rows checked");
  }

  /** S7: what a snapshot of the state restores is the state. */
  private checkCopy(): void {
    const copy = copyBySnapshot(this.state);
    demand(textOf(copy) === textOf(this.state), "S7", () => "a snapshot restores another state");
    fullCheck(copy, this.checker.ledger);
    const [restored, live] = [indexText(copy), indexText(this.state)];
    demand(restored === live, "S7", () => `a restored state has other indexes: ${restored} not ${live}`);
  }

  private store(batch: Batch): void {
    const { options, auditor } = this.parts;
    const events = eventsOf(batch, this.parts.store.codec);
    auditor.durable(events);
    this.checker.history = this.parts.store.history;
    this.checker.batch(batch, events[0]?.event.type === "epoch_opened");
    for (const placed of events) this.apply(placed);
    if (options.exact) this.projection.apply(events, batch.seq);
    this.checker.batchEnd();
    if (options.fair) this.checkShares(batch.timeMs);
    this.stored.push({ batch, history: this.parts.store.history });
    if (this.events - this.checkedAt >= FULL_CHECK_EVERY) this.check();
    if (this.unmatched) this.match();
    if (this.isSnapshotDue) this.snapshot(batch);
  }

  private apply(placed: PlacedEvent): void {
    const { event, atMs } = placed;
    this.last.push(placed);
    if (this.last.length > LAST_EVENTS) this.last.shift();
    if (event.type === "attempt_leased" && this.isOrderDue) {
      checkOrder(this.checker.ledger, event, atMs);
      this.parts.coverage.reached("order checked");
    }
    this.checker.event(placed);
    evolve(this.state, event, atMs);
    this.events += 1;
  }

  /** Never where groups stand in line as one, or tasks may wait for a machine that is faster: the books follow neither. */
  private get isOrderDue(): boolean {
    const { groups, kinds, hedging } = this.parts.options.features;
    if (groups || kinds || hedging) return false;
    this.leases += 1;
    if (this.leases < ORDER_CHECK_EVERY + this.state.counts.waiting / TASKS_PER_LEASE) return false;
    this.leases = 0;
    return true;
  }

  /** Once all users have wanted more for a while, what they hold must be in proportion. */
  private checkShares(nowMs: number): void {
    const { options, coverage } = this.parts;
    const { ledger } = this.checker;
    if (!allWait(ledger, options.users) || this.parts.healing()) this.unevenAtMs = nowMs;
    if (nowMs - this.unevenAtMs < 10 * options.taskMs) return;
    checkFairness(ledger);
    coverage.reached("fair share checked");
  }

  /** S7: the leader of this epoch has the state that replay gives, once it has decided no more than was stored. */
  private match(): void {
    for (const leader of this.parts.leaders()) {
      if (leader.epoch !== this.state.epoch || leader.seq !== this.state.seq) continue;
      this.unmatched = false;
      const same = textOf(leader) === textOf(this.state);
      demand(same, "S7", () => `replay of ${this.state.seq} events gives another state than the leader has`);
    }
  }

  private get isSnapshotDue(): boolean {
    const { snapshotEvery } = this.parts.options;
    if (snapshotEvery === 0 || this.batches % snapshotEvery !== 0) return false;
    return isSnapshotDue(this.events - this.savedAt, this.state, 0);
  }

  private snapshot(batch: Batch): void {
    this.savedAt = this.events;
    const { store, coverage, options } = this.parts;
    const { seq: batchSeq, lastEvent, epoch, hash } = tailAfter(batch);
    store.memory.saveSnapshot({ batchSeq, lastEvent, epoch, hash }, [...snapshotParts(this.state)]);
    if (!options.trim) return;
    store.memory.trim(batchSeq);
    coverage.reached("journal trimmed");
  }
}

/** Parts of the state that a snapshot leaves out and that must come out the same when it is restored. */
function indexText(state: State): string {
  const facts = ({ name, waiting, running, topPriority, weight, maxRunning, servedAtMs }: ShareNode): string =>
    JSON.stringify([name, waiting, running, waiting > 0 ? topPriority : 0, weight, maxRunning, servedAtMs]);
  const users = [...state.tree.all.values()].flatMap((pool) => [
    facts(pool),
    ...[...pool.all.values()].map((user) => `${pool.name}/${facts(user)}`),
  ]);
  const tree = users.toSorted();
  const timers = state.timers
    .values()
    .map(({ atMs }) => atMs)
    .toSorted((a, b) => a - b);
  const preemptible = [...state.watch.preemptible].join();
  const { hedgeable, overfull } = state.watch;
  const claimed = [...state.workers.values()].map(({ workerId, claim }) => [workerId, claim?.task.taskId]);
  return JSON.stringify([tree, timers, preemptible, hedgeable.size, overfull.size, claimed]);
}
