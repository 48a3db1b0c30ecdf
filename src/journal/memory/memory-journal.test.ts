import { describe, expect, test } from "vitest";

import { appendMany, batchAfter, describeJournal } from "../acceptance.ts";
import { emptyTail, tailAfter } from "../batch.ts";
import { MemoryJournal, type MemoryFault } from "./memory-journal.ts";
import { MemoryStore } from "./memory-store.ts";

describeJournal("memory", async () => {
  const store = new MemoryStore();
  return {
    manyWriters: true,
    open: async () => new MemoryJournal(store),
    corrupt: async (batch) => {
      const events = new Uint8Array(batch.events);
      events[events.length >> 1]! ^= 4;
      store.overwrite({ ...batch, events });
    },
    dispose: async () => {},
  };
});

describe("MemoryJournal faults", () => {
  const withFault = (fault: MemoryFault): MemoryJournal =>
    new MemoryJournal(new MemoryStore(), (call) => (call === "append" ? fault : "none"));

  test("stored_unknown stores the batch", async () => {
    const journal = withFault("stored_unknown");
    const batch = batchAfter(emptyTail());
    expect(await journal.append(batch)).toMatchObject({ kind: "unknown" });
    expect(await journal.open()).toEqual(tailAfter(batch));
    expect(await journal.resolve(batch)).toEqual({ kind: "committed" });
  });

  test("lost_unknown stores nothing until it is resolved", async () => {
    const journal = withFault("lost_unknown");
    const batch = batchAfter(emptyTail());
    expect(await journal.append(batch)).toMatchObject({ kind: "unknown" });
    expect(await journal.open()).toEqual(emptyTail());
    expect(await journal.resolve(batch)).toEqual({ kind: "committed" });
  });

  test("fenced puts a rival's claim of the next epoch in its place", async () => {
    const store = new MemoryStore();
    await appendMany(new MemoryJournal(store), 2);
    const journal = new MemoryJournal(store, () => "fenced");
    const outcome = await journal.append(batchAfter(store.tail));
    expect(outcome).toMatchObject({ kind: "fenced", by: { seq: 3, epoch: 2, batchId: "rival2:1" } });
  });
});
