import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type AssayError, type Clock, systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { appendMany, sampleEvent } from "./acceptance.ts";
import { decodeEvents } from "./event-codec.ts";
import { JournalWriter } from "./journal-writer.ts";
import type { AppendOutcome, Batch } from "./journal.ts";
import { MemoryJournal, type MemoryFault } from "./memory/memory-journal.ts";
import { MemoryStore } from "./memory/memory-store.ts";
import { verifyJournal } from "./verify.ts";

interface Term {
  writer: JournalWriter;
  losses: AssayError[];
  /** Every delay asked for; each is over at once. */
  delays: number[];
}

async function newTerm(journal: MemoryJournal): Promise<Term> {
  const losses: AssayError[] = [];
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    setTimer: (delayMs, action) => {
      delays.push(delayMs);
      queueMicrotask(action);
      return { cancel: () => {} };
    },
  };
  const onLost = (error: AssayError): unknown => losses.push(error);
  const writer = new JournalWriter({ journal, tail: await journal.open(), holderNonce: "me", clock, onLost });
  return { writer, losses, delays };
}

/** What stands in the store, one text for each event. */
const texts = (store: MemoryStore): string[] =>
  store
    .read(1, 1_000)
    .flatMap(({ events }) => decodeEvents(events).map((event) => ("reason" in event ? event.reason : event.type)));

/** `fault` for the first call of that kind for batch `seq`. */
function faultOnce(seq: number, fault: MemoryFault, call = "append"): (now: string, batch: Batch) => MemoryFault {
  let done = false;
  return (now, batch) => {
    if (done || now !== call || batch.seq !== seq) return "none";
    done = true;
    return fault;
  };
}

/** Holds every append back until `next` lets the oldest one through. */
class GatedJournal extends MemoryJournal {
  readonly held: (() => void)[] = [];
  override async append(batch: Batch): Promise<AppendOutcome> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.held.push(resolve);
    await promise;
    return super.append(batch);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("JournalWriter", () => {
  test("the claim opens the next epoch and every batch continues the chain", async () => {
    const store = new MemoryStore();
    const journal = new MemoryJournal(store);
    await appendMany(journal, 3);
    const { writer } = await newTerm(journal);
    expect(writer.epoch).toBe(2);
    await writer.claim([sampleEvent("claim")], 10);
    await writer.append([sampleEvent("a"), sampleEvent("b")], 11);
    expect(writer.lastEvent).toBe(6);
    const [claim, next] = store.read(4, 2);
    expect(claim).toMatchObject({ seq: 4, epoch: 2, batchId: "me:1", firstEvent: 4, eventCount: 1, timeMs: 10 });
    expect(next).toMatchObject({ seq: 5, epoch: 2, batchId: "me:2", firstEvent: 5, eventCount: 2, timeMs: 11 });
  });

  test("nothing may be appended before the claim is committed", async () => {
    const { writer } = await newTerm(new MemoryJournal(new MemoryStore()));
    expect(() => writer.append([], 1)).toThrow("claims its epoch");
    const claim = writer.claim([], 1);
    expect(() => writer.append([], 1)).toThrow("claims its epoch");
    await claim;
    await expect(writer.claim([], 1)).rejects.toThrow("claimed once");
  });

  test("a claim behind the tail is refused", async () => {
    const journal = new MemoryJournal(new MemoryStore());
    const { writer, losses } = await newTerm(journal);
    await appendMany(journal, 1);
    await expect(writer.claim([sampleEvent("claim")], 1)).rejects.toMatchObject({ code: "not_leader" });
    expect(losses).toMatchObject([{ code: "not_leader", message: expect.stringContaining("writer:1") }]);
    await expect(writer.append([], 2)).rejects.toMatchObject({ code: "not_leader" });
  });

  test("at most two batches are in flight, and promises settle in order", async () => {
    const journal = new GatedJournal(new MemoryStore());
    const { writer } = await newTerm(journal);
    const claimed = writer.claim([], 1);
    journal.held.shift()!();
    await claimed;
    const order: number[] = [];
    const appended = [1, 2, 3, 4].map((name) =>
      writer.append([sampleEvent(`${name}`)], 2).then(() => order.push(name)),
    );
    let isReady = false;
    const ready = writer.ready().then(() => (isReady = true));
    expect([journal.held.length, writer.backlog]).toEqual([2, 4]);
    for (const left of [3, 2]) {
      journal.held.shift()!();
      await turn();
      expect([journal.held.length, writer.backlog, isReady]).toEqual([2, left, false]);
    }
    journal.held.shift()!();
    await ready;
    expect(writer.backlog).toBe(1);
    journal.held.shift()!();
    await Promise.all(appended);
    expect(order).toEqual([1, 2, 3, 4]);
    await writer.ready();
  });

  test.each<MemoryFault>(["stored_unknown", "lost_unknown"])(
    "%s: the batch is resolved and stands once",
    async (fault) => {
      const store = new MemoryStore();
      const { writer, losses, delays } = await newTerm(new MemoryJournal(store, faultOnce(2, fault)));
      await writer.claim([sampleEvent("claim")], 1);
      await Promise.all(["a", "b", "c"].map((text) => writer.append([sampleEvent(text)], 2)));
      expect(texts(store)).toEqual(["claim", "a", "b", "c"]);
      expect([losses, delays]).toEqual([[], []]);
    },
  );

  test("nothing new is sent while a batch is in doubt", async () => {
    const store = new MemoryStore();
    const journal = new MemoryJournal(store, faultOnce(2, "lost_unknown"));
    const { writer } = await newTerm(journal);
    await writer.claim([sampleEvent("claim")], 1);
    const [append, resolve] = [journal.append.bind(journal), journal.resolve.bind(journal)];
    const calls: string[] = [];
    const doubt = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    journal.append = (batch) => {
      calls.push(`append ${batch.seq}`);
      return append(batch);
    };
    journal.resolve = async (batch) => {
      calls.push(`resolve ${batch.seq}`);
      doubt.resolve();
      await answer.promise;
      calls.push("answer");
      return resolve(batch);
    };
    const first = writer.append([sampleEvent("a")], 2);
    await doubt.promise;
    const later = writer.append([sampleEvent("b")], 2);
    const ready = writer.ready();
    await turn();
    answer.resolve();
    await Promise.all([first, later, ready]);
    expect(calls).toEqual(["append 2", "resolve 2", "answer", "append 3"]);
    expect(texts(store)).toEqual(["claim", "a", "b"]);
  });

  test("an answer that stays unknown for a while is waited for with growing delays", async () => {
    const store = new MemoryStore();
    let unknowns = 4;
    const journal = new MemoryJournal(store, () => ((unknowns -= 1) >= 0 ? "lost_unknown" : "none"));
    const { writer, delays } = await newTerm(journal);
    await writer.claim([sampleEvent("claim")], 1);
    expect(delays).toEqual([20, 50, 100]);
    expect(texts(store)).toEqual(["claim"]);
  });

  test("an answer that never comes ends leadership", async () => {
    const { writer, losses, delays } = await newTerm(new MemoryJournal(new MemoryStore(), () => "lost_unknown"));
    await expect(writer.claim([], 1)).rejects.toMatchObject({
      code: "journal_unavailable",
      message: expect.stringContaining("batch 1 "),
    });
    expect(losses).toHaveLength(1);
    expect(delays).toHaveLength(7);
  });

  test.each(["append", "resolve"])(
    "fenced on %s: all that was handed over is rejected, later things too",
    async (call) => {
      const store = new MemoryStore();
      const unknown = faultOnce(3, "lost_unknown");
      const fenced = faultOnce(3, "fenced", call);
      const plan = (now: string, batch: Batch): MemoryFault => {
        const first = call === "resolve" ? unknown(now, batch) : "none";
        return first === "none" ? fenced(now, batch) : first;
      };
      const { writer, losses } = await newTerm(new MemoryJournal(store, plan));
      await writer.claim([sampleEvent("claim")], 1);
      const appended = ["a", "b", "c", "d"].map((text) => writer.append([sampleEvent(text)], 2));
      const ready = writer.ready();
      const settled = await Promise.allSettled([...appended, ready]);
      expect(settled.map(({ status }) => status)).toEqual([
        "fulfilled",
        ...Array.from({ length: 4 }, () => "rejected"),
      ]);
      await expect(writer.append([], 3)).rejects.toMatchObject({
        code: "not_leader",
        message: expect.stringContaining("rival2:1"),
      });
      await expect(writer.ready()).rejects.toMatchObject({ code: "not_leader" });
      expect(losses).toHaveLength(1);
      expect(writer.backlog).toBe(0);
      expect(texts(store)).toEqual(["claim", "a", "epoch_opened"]);
    },
  );

  test.each(["append", "resolve"] as const)(
    "an error of the storage on %s ends leadership with its own code",
    async (call) => {
      const journal = new MemoryJournal(new MemoryStore(), faultOnce(2, "lost_unknown"));
      const { writer, losses } = await newTerm(journal);
      await writer.claim([], 1);
      journal[call] = () => Promise.reject(assayError("disk_full", "The disk is full."));
      await expect(writer.append([], 2)).rejects.toMatchObject({ code: "disk_full" });
      expect(losses).toMatchObject([{ code: "disk_full" }]);
    },
  );

  test("an unexpected error ends leadership as journal_unavailable", async () => {
    const journal = new MemoryJournal(new MemoryStore());
    journal.append = () => Promise.reject(new TypeError("boom"));
    const { writer } = await newTerm(journal);
    await expect(writer.claim([], 1)).rejects.toMatchObject({
      code: "journal_unavailable",
      message: expect.stringContaining("boom"),
    });
  });

  test("whatever goes wrong: what was acknowledged stands, once and in order", async () => {
    const faults = fc.array(
      fc.constantFrom<MemoryFault>("none", "none", "none", "stored_unknown", "lost_unknown", "fenced"),
      { maxLength: 40 },
    );
    const run = async (plan: MemoryFault[]): Promise<void> => {
      const store = new MemoryStore();
      let calls = 0;
      const { writer, losses } = await newTerm(new MemoryJournal(store, () => plan[calls++] ?? "none"));
      const names = Array.from({ length: 12 }, (_, index) => `event ${index}`);
      const claimed = await writer.claim([sampleEvent("claim")], 1).then(
        () => true,
        () => false,
      );
      const settled = await Promise.allSettled(
        claimed ? names.map((name) => writer.append([sampleEvent(name)], 2)) : [],
      );
      const acknowledged = settled.filter(({ status }) => status === "fulfilled").length;
      const stored = texts(store).filter((text) => text.startsWith("event "));
      expect(settled.slice(0, acknowledged).every(({ status }) => status === "fulfilled")).toBe(true);
      expect(stored).toEqual(names.slice(0, stored.length));
      expect(stored.length).toBeGreaterThanOrEqual(acknowledged);
      expect(losses).toHaveLength(claimed && acknowledged === names.length ? 0 : 1);
      await verifyJournal(new MemoryJournal(store));
    };
    await fc.assert(fc.asyncProperty(faults, run), { numRuns: 500 });
  });
});
