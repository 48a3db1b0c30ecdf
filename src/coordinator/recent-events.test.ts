import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { asWorkerId, systemClock } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { JournalWriter, openSqliteJournal } from "../journal/index.ts";
import type { Batch } from "../journal/index.ts";
import { RecentEvents, placedEvents } from "./recent-events.ts";

/** Batches of one to four events, as a journal gives them. */
async function batches(count: number): Promise<Batch[]> {
  const folder = await mkdtemp(join(tmpdir(), "assay-recent-"));
  const journal = await openSqliteJournal({ folder });
  try {
    const tail = await journal.open();
    const writer = new JournalWriter({ journal, tail, holderNonce: "n", clock: systemClock, onLost: () => undefined });
    const left = (index: number): JournalEvent => ({
      type: "worker_left",
      workerId: asWorkerId(`w${index}`),
      reason: "",
    });
    await writer.claim([left(0)], 1);
    for (let index = 1; index < count; index += 1)
      await writer.append(
        Array.from({ length: 1 + (index % 4) }, (_, at) => left(at)),
        index,
      );
    return await journal.read(1, count);
  } finally {
    await journal.close();
    await rm(folder, { recursive: true });
  }
}

test("the newest events are there from any place on, and it says how far back it reaches", async () => {
  const all = await batches(40);
  const recent = new RecentEvents(10);
  const events = all.flatMap(placedEvents);
  let seen = 0;
  for (const batch of all) {
    recent.add(batch, placedEvents(batch));
    seen += batch.eventCount;
    const reached = Array.from({ length: seen + 1 }, (_, seq) => seq).filter((seq) => recent.reachesTo(seq));
    const oldest = reached[0] ?? Number.NaN;
    expect(reached.length).toBe(seen + 1 - oldest);
    expect(seen - oldest).toBeGreaterThanOrEqual(Math.min(seen, 10));
    expect(seen - oldest).toBeLessThan(14);
    for (const seq of reached) expect([...recent.after(seq)]).toEqual(events.slice(seq, seen));
  }
});

test("it begins where it is told to", async () => {
  const all = await batches(10);
  const recent = new RecentEvents(1_000);
  const [first, second, ...others] = all;
  recent.startAfter((second?.firstEvent ?? 0) + (second?.eventCount ?? 0) - 1);
  for (const batch of others) recent.add(batch, placedEvents(batch));
  expect(recent.reachesTo(first?.firstEvent ?? 0)).toBe(false);
  expect(recent.reachesTo((others[0]?.firstEvent ?? 0) - 1)).toBe(true);
  expect([...recent.after((others[0]?.firstEvent ?? 0) - 1)]).toEqual(others.flatMap(placedEvents));
});
