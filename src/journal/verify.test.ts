import { expect, test } from "vitest";

import { appendMany, batchAfter, sampleEvent, snapshotAfter } from "./acceptance.ts";
import { emptyTail, tailAfter } from "./batch.ts";
import { MemoryJournal } from "./memory/memory-journal.ts";
import { MemoryStore } from "./memory/memory-store.ts";
import { verifyJournal } from "./verify.ts";

test("an empty journal is whole", async () => {
  expect(await verifyJournal(new MemoryJournal(new MemoryStore()))).toEqual({
    batches: 0,
    events: 0,
    tail: emptyTail(),
  });
});

test("it counts batches and events over many pages", async () => {
  const journal = new MemoryJournal(new MemoryStore());
  const batches = await appendMany(journal, 150);
  const last = batchAfter(tailAfter(batches[149]!), { events: [sampleEvent("a"), sampleEvent("b")] });
  await journal.append(last);
  expect(await verifyJournal(journal)).toEqual({ batches: 151, events: 152, tail: tailAfter(last) });
});

test("a snapshot of another journal is found", async () => {
  const journal = new MemoryJournal(new MemoryStore());
  const batches = await appendMany(journal, 3);
  await journal.saveSnapshot({ ...snapshotAfter(batches[1]!), hash: new Uint8Array(32) }, []);
  const message = "The snapshot after batch 2 carries another hash than batch 2.";
  await expect(verifyJournal(journal)).rejects.toMatchObject({ code: "journal_broken", message });
});

test("a journal whose start is gone is broken unless a snapshot holds it", async () => {
  const store = new MemoryStore();
  const journal = new MemoryJournal(store);
  const batches = await appendMany(journal, 4);
  store.trim(3);
  await expect(verifyJournal(journal)).rejects.toMatchObject({
    code: "journal_broken",
    message: expect.stringContaining("Batch 2 is missing"),
  });
  await journal.saveSnapshot(snapshotAfter(batches[1]!), []);
  expect(await verifyJournal(journal)).toMatchObject({ batches: 2, tail: { seq: 4 } });
});
