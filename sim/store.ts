import { assayError } from "../src/contracts/index.ts";
import { batchCodec } from "../src/journal/index.ts";
import type {
  AppendOutcome,
  Batch,
  BatchCodec,
  Journal,
  Snapshot,
  StoredSnapshot,
  Tail,
} from "../src/journal/index.ts";
import { assertTrimmable } from "../src/journal/snapshot-rules.ts";
import { MemoryStore } from "../src/journal/memory/memory-store.ts";
import type { Coverage } from "./coverage.ts";
import type { Options } from "./options.ts";
import { passingCodec } from "./passing-codec.ts";
import type { Host, World } from "./world.ts";

/** After so long without an answer an append counts as unknown. */
const TIMEOUT_MS = 1_000;

/** What outlives every coordinator. Whoever is interested hears of each batch at the moment when it is durable. */
export class SimStore {
  readonly codec: BatchCodec;
  memory: MemoryStore;
  /** Counts how often the store was put back. */
  history = 1;
  readonly options: Options["store"];
  readonly world: World;
  readonly coverage: Coverage;
  /** No request gets through. */
  down = false;
  /** Events that coordinators read to replay them. */
  replayed = 0;
  /** Faults happen at all. */
  faulty = true;
  onStored: (batch: Batch) => void = () => undefined;

  constructor(world: World, { store, exact }: Options, coverage: Coverage) {
    this.world = world;
    this.options = store;
    this.coverage = coverage;
    this.codec = exact ? batchCodec : passingCodec;
    this.memory = new MemoryStore(this.codec.hash);
  }

  write(call: "append" | "resolve", batch: Batch): AppendOutcome {
    const before = this.memory.tail.seq;
    const outcome = this.memory[call](batch);
    if (outcome.kind === "fenced" && outcome.by !== null && outcome.by.epoch > batch.epoch)
      this.coverage.reached("fenced leader");
    if (this.memory.tail.seq > before) this.onStored(batch);
    return outcome;
  }
}

type Fault = "none" | "request lost" | "answer lost" | "late" | "refused";

/**
 * One process's journal on the store. Requests arrive in their order; a process that dies may leave some under way. On a disk of
 * its own that is the tail that was not synced when the machine died: SQLite writes the journal with `synchronous = FULL`, so what
 * was answered is synced, and what was not may be stored or lost.
 */
export class SimJournal implements Journal {
  readonly codec: BatchCodec;
  private readonly store: SimStore;
  private readonly host: Host;
  private readonly history: number;
  private readonly doubtful = new Set<number>();
  private arrivesAtMs = 0;

  constructor(store: SimStore, host: Host) {
    this.store = store;
    this.history = store.history;
    this.codec = store.codec;
    this.host = host;
  }

  open(): Promise<Tail> {
    return this.ask(() => this.store.memory.tail);
  }

  firstSeq(): Promise<number> {
    return this.ask(() => this.store.memory.firstSeq);
  }

  read(fromSeq: number, limit: number): Promise<Batch[]> {
    return this.ask(() => {
      const batches = this.store.memory.read(fromSeq, limit);
      for (const { eventCount } of batches) this.store.replayed += eventCount;
      return batches;
    });
  }

  latestSnapshot(): Promise<StoredSnapshot | null> {
    return this.ask(() => {
      const { latestSnapshot } = this.store.memory;
      if (latestSnapshot) this.store.coverage.reached("snapshot restored");
      return latestSnapshot;
    });
  }

  append(batch: Batch): Promise<AppendOutcome> {
    return this.write("append", batch);
  }

  resolve(batch: Batch): Promise<AppendOutcome> {
    return this.write("resolve", batch);
  }

  async saveSnapshot(snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
    this.store.memory.saveSnapshot(snapshot, [...parts]);
  }

  async trim(beforeSeq: number): Promise<void> {
    assertTrimmable(beforeSeq, this.store.memory.latestSnapshot);
    this.store.memory.trim(beforeSeq);
  }

  follow(): AsyncIterable<Batch> {
    throw new Error("the simulator's follower is told of batches, it does not read them");
  }

  async close(): Promise<void> {}

  private ask<Answer>(question: () => Answer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.host.after(this.latencyMs(), () => {
      if (this.store.down) return reject(assayError("journal_unavailable", "The store does not answer."));
      try {
        resolve(question());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    return promise;
  }

  private write(call: "append" | "resolve", batch: Batch): Promise<AppendOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendOutcome>();
    const { world, coverage } = this.store;
    const fault = this.draw();
    const answer = (outcome: AppendOutcome, grew: boolean): void => {
      if (this.doubtful.delete(batch.seq) && outcome.kind === "committed")
        coverage.reached(grew ? "unknown, then absent" : "unknown, then committed");
      this.host.after(this.latencyMs(), () => resolve(outcome));
    };
    const doubt = (cause: string): void => {
      this.doubtful.add(batch.seq);
      this.host.after(TIMEOUT_MS, () => resolve({ kind: "unknown", cause }));
    };
    const arrive = (): void => {
      // What was under way to a store that was put back goes nowhere.
      if (this.history !== this.store.history) return;
      const dying = !this.host.alive && world.chance(0.5);
      if (!this.host.alive) coverage.reached(dying ? "unanswered batch lost" : "unanswered batch stored");
      if (dying || this.store.down || fault === "request lost") return doubt("the request was lost");
      if (fault === "refused") {
        coverage.reached("refused by the store");
        this.host.after(1, () => reject(assayError("disk_full", "The store has no room.")));
        return;
      }
      const before = this.store.memory.tail.seq;
      const outcome = this.store.write(call, batch);
      if (fault === "late") coverage.reached("late copy of a batch");
      else if (fault === "answer lost") doubt("the answer was lost");
      else answer(outcome, this.store.memory.tail.seq > before);
    };
    if (fault === "late") doubt("the request was late");
    const delayMs = fault === "late" ? TIMEOUT_MS + world.between(0, 3_000) : this.latencyMs();
    const atMs = Math.max(world.nowMs + delayMs, fault === "late" ? 0 : this.arrivesAtMs);
    if (fault !== "late") this.arrivesAtMs = atMs;
    world.plan(atMs - world.nowMs, arrive);
    return promise;
  }

  private draw(): Fault {
    const { world, options, faulty } = this.store;
    if (!faulty || !world.chance(options.faults)) return "none";
    return world.pick(options.kinds) ?? "none";
  }

  private latencyMs(): number {
    const { world, options, faulty } = this.store;
    if (faulty && world.chance(options.slow)) return world.between(10, 400);
    return world.rng.next() * options.latencyMs;
  }
}
