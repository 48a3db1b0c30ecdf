/** The acceptance suite of the journal port: every adapter's tests run it on the adapter's real storage. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { type AssayError, asWorkerId, systemClock } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { emptyTail, sealBatch, tailAfter } from "./batch.ts";
import { decodeEvents, encodeEvents } from "./event-codec.ts";
import { JournalWriter } from "./journal-writer.ts";
import type { Batch, Journal, JournalReader, Snapshot, StoredSnapshot, Tail } from "./journal.ts";
import { verifyJournal } from "./verify.ts";

const RACING_WRITERS = 8;
const RACE_ROUNDS = 25;

/** One storage, made anew for each test. */
export interface JournalFixture {
  /** A journal over this storage, not yet opened by anybody else unless `manyWriters`. */
  open(): Promise<Journal>;
  /** True when several may write at once, as in a database; else one at a time, as in a locked folder. */
  manyWriters: boolean;
  /** Flips one bit in the stored bytes of this batch's events. No journal is open. */
  corrupt(batch: Batch): Promise<void>;
  dispose(): Promise<void>;
}

export function describeJournal(name: string, makeFixture: () => Promise<JournalFixture>): void {
  describe(`journal: ${name}`, () => {
    const bench = new Bench(makeFixture);
    beforeEach(() => bench.start());
    afterEach(() => bench.stop());
    describeAppend(bench);
    describeOutcomes(bench);
    describeRead(bench);
    describeFollow(bench);
    describeSnapshots(bench);
    describeWriter(bench);
  });
}

/** A small event whose text tells which one it is. */
export function sampleEvent(text: string): JournalEvent {
  return { type: "worker_left", workerId: asWorkerId("w-1"), reason: text };
}

/** A batch that follows `tail`, by another writer for each `nonce`. */
export function batchAfter(tail: Tail, more: { nonce?: string; epoch?: number; events?: JournalEvent[] } = {}): Batch {
  const { nonce = "writer", epoch = Math.max(tail.epoch, 1) } = more;
  const events = more.events ?? [sampleEvent(`${nonce} wrote batch ${tail.seq + 1}`)];
  const content = { epoch, batchId: `${nonce}:${tail.seq + 1}`, timeMs: 1_000 + tail.seq };
  return sealBatch(tail, { ...content, eventCount: events.length, events: encodeEvents(events) });
}

/** Appends `count` batches at the tail and gives them back. */
export async function appendMany(journal: Journal, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let tail = await journal.open(); batches.length < count;) {
    const batch = batchAfter(tail);
    expect(await journal.append(batch)).toEqual({ kind: "committed" });
    batches.push(batch);
    tail = tailAfter(batch);
  }
  return batches;
}

export function snapshotAfter(batch: Batch): Snapshot {
  const { seq: batchSeq, lastEvent, epoch, hash } = tailAfter(batch);
  return { batchSeq, lastEvent, epoch, hash };
}

/** Parts of different lengths, told apart by their batch. */
export function partsAfter({ seq }: Batch): string[] {
  return [`[${seq}]`, `["é", "${"x".repeat(100_000)}"]`, "[]"];
}

/** What a journal gives back, with its parts. */
export async function loaded(journal: JournalReader): Promise<{ snapshot: unknown; parts: string[] } | null> {
  const stored = await journal.latestSnapshot();
  if (!stored) return null;
  const { batchSeq, lastEvent, epoch, hash } = stored;
  return { snapshot: plain({ batchSeq, lastEvent, epoch, hash }), parts: await partsOf(stored) };
}

export async function partsOf(stored: StoredSnapshot): Promise<string[]> {
  const all: string[] = [];
  for await (const part of stored.parts()) all.push(part);
  return all;
}

/** Bytes as text, so that a Buffer equals the Uint8Array with the same content. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

class Bench {
  private readonly makeFixture: () => Promise<JournalFixture>;
  private current: JournalFixture | undefined;
  private readonly opened: Journal[] = [];

  constructor(makeFixture: () => Promise<JournalFixture>) {
    this.makeFixture = makeFixture;
  }

  get fixture(): JournalFixture {
    if (this.current === undefined) throw new Error("the fixture lives only during a test");
    return this.current;
  }

  async start(): Promise<void> {
    this.current = await this.makeFixture();
  }

  async open(): Promise<Journal> {
    const journal = await this.fixture.open();
    this.opened.push(journal);
    return journal;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((journal) => journal.close()));
  }

  async stop(): Promise<void> {
    await this.closeAll();
    await this.fixture.dispose();
  }
}

function describeAppend(bench: Bench): void {
  test("an empty journal has a tail of zeros", async () => {
    const journal = await bench.open();
    expect(plain(await journal.open())).toEqual(plain(emptyTail()));
    expect(await journal.firstSeq()).toBe(1);
    expect(await journal.read(1, 10)).toEqual([]);
    expect(await journal.latestSnapshot()).toBeNull();
  });

  test("what was appended is read back, and the tail follows", async () => {
    const journal = await bench.open();
    const batches = await appendMany(journal, 5);
    expect(plain(await journal.read(1, 100))).toEqual(plain(batches));
    expect(plain(await journal.read(2, 3))).toEqual(plain(batches.slice(1, 4)));
    expect(plain(await journal.open())).toEqual(plain(tailAfter(batches[4]!)));
  });

  test("a batch without events keeps the sequence of events", async () => {
    const journal = await bench.open();
    const empty = batchAfter(emptyTail(), { events: [] });
    await journal.append(empty);
    const [next] = await appendMany(journal, 1);
    expect(next).toMatchObject({ seq: 2, firstEvent: 1 });
    expect(await journal.open()).toMatchObject({ seq: 2, lastEvent: 1 });
  });

  test("a large batch is read back byte for byte", async () => {
    const journal = await bench.open();
    const large = batchAfter(emptyTail(), { events: [sampleEvent("x".repeat(3_000_000))] });
    await journal.append(large);
    expect(plain(await journal.read(1, 1))).toEqual(plain([large]));
  });

  test("opening again finds everything", async () => {
    const batches = await appendMany(await bench.open(), 3);
    await bench.closeAll();
    const journal = await bench.open();
    expect(plain(await journal.open())).toEqual(plain(tailAfter(batches[2]!)));
    expect(plain(await journal.read(1, 10))).toEqual(plain(batches));
    batches.push(...(await appendMany(journal, 1)));
    expect(plain(await journal.read(1, 10))).toEqual(plain(batches));
  });

  test("a batch that does not match its hash is never stored", async () => {
    const journal = await bench.open();
    const batch = batchAfter(emptyTail());
    await expect(journal.append({ ...batch, timeMs: batch.timeMs + 1 })).rejects.toThrow("does not match its hash");
    expect(await journal.open()).toMatchObject({ seq: 0 });
  });
}

function describeOutcomes(bench: Bench): void {
  test(`of ${RACING_WRITERS} writers racing for each place exactly one gets it, and the others learn who`, async () => {
    const shared = await bench.open();
    const more = bench.fixture.manyWriters ? RACING_WRITERS - 1 : 0;
    const journals = [shared, ...(await Promise.all(Array.from({ length: more }, () => bench.open())))];
    for (let round = 0; round < RACE_ROUNDS; round += 1) {
      const tail = await shared.open();
      const rivals = Array.from({ length: RACING_WRITERS }, (_, index) => batchAfter(tail, { nonce: `racer${index}` }));
      const outcomes = await Promise.all(rivals.map((batch, index) => (journals[index] ?? shared).append(batch)));
      const winner = rivals.filter((_, index) => outcomes[index]?.kind === "committed");
      expect(winner).toHaveLength(1);
      expect(plain(await shared.read(tail.seq + 1, 10))).toEqual(plain(winner));
      const losers = outcomes.filter(({ kind }) => kind !== "committed");
      expect(plain(losers)).toEqual(plain(losers.map(() => ({ kind: "fenced", by: winner[0] }))));
    }
    expect(await verifyJournal(shared)).toMatchObject({ batches: RACE_ROUNDS });
  });

  const wrong: [string, (tail: Tail) => Batch][] = [
    ["its place is taken", (tail) => batchAfter({ ...tail, seq: tail.seq - 1 })],
    ["it leaves a gap", (tail) => batchAfter({ ...tail, seq: tail.seq + 1 })],
    ["it follows another batch", (tail) => batchAfter({ ...tail, hash: new Uint8Array(32).fill(7) })],
    ["its epoch is older", (tail) => batchAfter(tail, { epoch: tail.epoch - 1 })],
    ["its events leave a gap", (tail) => batchAfter({ ...tail, lastEvent: tail.lastEvent + 1 })],
  ];
  test.each(wrong)("a batch is refused when %s", async (_, make) => {
    const journal = await bench.open();
    await journal.append(batchAfter(emptyTail(), { epoch: 3 }));
    const tail = tailAfter((await appendMany(journal, 1))[0]!);
    for (const call of ["append", "resolve"] as const) {
      expect(await journal[call](make(tail))).toMatchObject({ kind: "fenced" });
    }
    expect(plain(await journal.open())).toEqual(plain(tail));
  });

  test("the writer of an older epoch is fenced by the claim of the next", async () => {
    const journal = await bench.open();
    const tail = tailAfter((await appendMany(journal, 2))[1]!);
    const claim = batchAfter(tail, { nonce: "next", epoch: 2 });
    expect(await journal.append(claim)).toEqual({ kind: "committed" });
    expect(plain(await journal.append(batchAfter(tail)))).toEqual(plain({ kind: "fenced", by: claim }));
    expect(await journal.append(batchAfter(tailAfter(claim), { nonce: "old", epoch: 1 }))).toMatchObject({
      kind: "fenced",
    });
  });

  test("resolve: stored once although sent twice; stored if it never arrived; fenced by another", async () => {
    const journal = await bench.open();
    const batch = batchAfter(emptyTail());
    expect(await journal.append(batch)).toEqual({ kind: "committed" });
    expect(await journal.resolve(batch)).toEqual({ kind: "committed" });
    const neverSent = batchAfter(tailAfter(batch));
    expect(await journal.resolve(neverSent)).toEqual({ kind: "committed" });
    const rival = batchAfter(tailAfter(batch), { nonce: "rival" });
    expect(plain(await journal.resolve(rival))).toEqual(plain({ kind: "fenced", by: neverSent }));
    expect(await journal.resolve(batch)).toEqual({ kind: "committed" });
    expect(plain(await journal.read(1, 10))).toEqual(plain([batch, neverSent]));
  });

  test("a batch ahead of the tail is fenced by nobody, and fits once the gap is filled", async () => {
    const journal = await bench.open();
    const first = batchAfter(emptyTail());
    const second = batchAfter(tailAfter(first));
    expect(await journal.append(second)).toEqual({ kind: "fenced", by: null });
    expect(await journal.resolve(first)).toEqual({ kind: "committed" });
    expect(await journal.resolve(second)).toEqual({ kind: "committed" });
  });
}

function describeRead(bench: Bench): void {
  test("nothing is read past the tail", async () => {
    const journal = await bench.open();
    await appendMany(journal, 2);
    expect(await journal.read(3, 10)).toEqual([]);
    expect(await journal.read(9, 10)).toEqual([]);
  });

  test("a flipped bit is found and the batch named", async () => {
    const batches = await appendMany(await bench.open(), 5);
    await bench.closeAll();
    await bench.fixture.corrupt(batches[2]!);
    const journal = await bench.open();
    const broken = { code: "journal_broken", message: expect.stringContaining("Batch 3 ") };
    await expect(journal.read(1, 10)).rejects.toMatchObject(broken);
    await expect(journal.read(3, 1)).rejects.toMatchObject(broken);
    await expect(verifyJournal(journal)).rejects.toMatchObject(broken);
    await expect(take(journal.follow(2, new AbortController().signal), 3)).rejects.toMatchObject(broken);
    expect(plain(await journal.read(1, 2))).toEqual(plain(batches.slice(0, 2)));
  });

  test("a flipped bit in the last batch is found before anything is appended behind it", async () => {
    const batches = await appendMany(await bench.open(), 2);
    await bench.closeAll();
    await bench.fixture.corrupt(batches[1]!);
    const replay = bench.open().then(async (journal) => verifyJournal(journal));
    await expect(replay).rejects.toMatchObject({
      code: "journal_broken",
      message: expect.stringContaining("Batch 2 "),
    });
  });
}

function describeFollow(bench: Bench): void {
  test("from any point: every batch once and in order, also those appended later", async () => {
    const journal = await bench.open();
    const early = await appendMany(journal, 4);
    const stop = new AbortController();
    const starts = [1, 2, 3, 4, 5, 7];
    const seen = starts.map((start) => take(journal.follow(start, stop.signal), 9 - start));
    const late = await appendMany(journal, 4);
    const all = [...early, ...late];
    for (const [index, start] of starts.entries())
      expect(plain(await seen[index])).toEqual(plain(all.slice(start - 1)));
  });

  test("more batches than are fetched at once", async () => {
    const journal = await bench.open();
    const batches = await appendMany(journal, 150);
    const seen = await take(journal.follow(1, new AbortController().signal), 150);
    expect(seen.map(({ seq }) => seq)).toEqual(batches.map(({ seq }) => seq));
  });

  test("it ends on abort and on close", async () => {
    const journal = await bench.open();
    await appendMany(journal, 1);
    const stop = new AbortController();
    const aborted = take(journal.follow(1, stop.signal), 5);
    const closed = take(journal.follow(1, new AbortController().signal), 5);
    await take(journal.follow(1, stop.signal), 1);
    stop.abort();
    expect(await aborted).toHaveLength(1);
    await bench.closeAll();
    expect(await closed).toHaveLength(1);
  });
}

function describeSnapshots(bench: Bench): void {
  test("the newest snapshot is found, also after opening again", async () => {
    const journal = await bench.open();
    const batches = await appendMany(journal, 5);
    for (const batch of batches) await journal.saveSnapshot(snapshotAfter(batch), partsAfter(batch));
    const newest = { snapshot: plain(snapshotAfter(batches[4]!)), parts: partsAfter(batches[4]!) };
    expect(await loaded(journal)).toEqual(newest);
    await bench.closeAll();
    expect(await loaded(await bench.open())).toEqual(newest);
  });

  test("a snapshot of the same batch replaces the older one", async () => {
    const journal = await bench.open();
    const [batch] = await appendMany(journal, 1);
    await journal.saveSnapshot(snapshotAfter(batch!), ["first"]);
    await journal.saveSnapshot(snapshotAfter(batch!), ["second"]);
    expect(await loaded(journal)).toMatchObject({ parts: ["second"] });
  });

  test("trim is refused without a snapshot of what it would forget", async () => {
    const journal = await bench.open();
    const batches = await appendMany(journal, 6);
    await expect(journal.trim(2)).rejects.toMatchObject({ code: "conflict" });
    await journal.saveSnapshot(snapshotAfter(batches[2]!), []);
    await expect(journal.trim(5)).rejects.toMatchObject({ code: "conflict" });
    expect(plain(await journal.read(1, 10))).toEqual(plain(batches));
  });

  test("trim forgets what the snapshot holds; the rest still continues it", async () => {
    const journal = await bench.open();
    const batches = await appendMany(journal, 130);
    await journal.saveSnapshot(snapshotAfter(batches[119]!), []);
    await journal.trim(121);
    expect(await journal.firstSeq()).toBe(121);
    expect(plain(await journal.read(121, 20))).toEqual(plain(batches.slice(120)));
    await expect(journal.read(120, 20)).rejects.toMatchObject({
      code: "journal_broken",
      message: expect.stringContaining("trimmed"),
    });
    expect(await journal.append(batches[5]!)).toEqual({ kind: "fenced", by: null });
    batches.push(...(await appendMany(journal, 1)));
    expect(await verifyJournal(journal)).toMatchObject({ batches: 11, events: 11, tail: { seq: 131 } });
    await bench.closeAll();
    expect(plain(await take((await bench.open()).follow(121, new AbortController().signal), 11))).toEqual(
      plain(batches.slice(120)),
    );
  });

  test("trim never forgets the last batch, which the next one follows", async () => {
    const journal = await bench.open();
    const [, last] = await appendMany(journal, 2);
    await journal.saveSnapshot(snapshotAfter(last!), []);
    await journal.trim(3);
    expect(await journal.firstSeq()).toBe(2);
    expect(plain(await journal.open())).toEqual(plain(tailAfter(last!)));
    await appendMany(journal, 1);
  });
}

function describeWriter(bench: Bench): void {
  test("a leader's events get their places in order; a second leader fences the first", async () => {
    const first = await bench.open();
    const second = bench.fixture.manyWriters ? await bench.open() : first;
    const losses: AssayError[] = [];
    const onLost = (error: AssayError): unknown => losses.push(error);
    const make = async (journal: Journal, holderNonce: string): Promise<JournalWriter> =>
      new JournalWriter({ journal, tail: await journal.open(), holderNonce, clock: systemClock, onLost });
    const old = await make(first, "old");
    await old.claim([sampleEvent("claim 1")], 1);
    const appended = Array.from({ length: 20 }, (_, index) =>
      old.append([sampleEvent(`a${index}`), sampleEvent(`b${index}`)], 2),
    );
    expect(old.lastEvent).toBe(41);
    await Promise.all(appended);
    const next = await make(second, "next");
    await next.claim([sampleEvent("claim 2")], 3);
    await expect(old.append([sampleEvent("too late")], 4)).rejects.toMatchObject({ code: "not_leader" });
    await next.append([sampleEvent("last")], 5);
    expect(losses).toHaveLength(1);
    const stored = await first.read(1, 100);
    const reasons = stored
      .flatMap(({ events }) => decodeEvents(events))
      .map((event) => ("reason" in event ? event.reason : ""));
    const pairs = Array.from({ length: 20 }, (_, index) => [`a${index}`, `b${index}`]).flat();
    expect(reasons).toEqual(["claim 1", ...pairs, "claim 2", "last"]);
    expect(stored.map(({ epoch }) => epoch)).toEqual([...Array.from({ length: 21 }, () => 1), 2, 2]);
    expect(await verifyJournal(second)).toMatchObject({ batches: 23, events: 43 });
  });
}

/** The first `count` batches; fewer when the following ends before. */
export async function take(batches: AsyncIterable<Batch>, count: number): Promise<Batch[]> {
  const taken: Batch[] = [];
  for await (const batch of batches) {
    taken.push(batch);
    if (taken.length === count) break;
  }
  return taken;
}
