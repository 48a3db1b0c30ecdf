import { expect, test } from "vitest";
import { asRunId, asTaskId } from "../base/index.ts";
import type { PlacedEvent } from "../contracts/index.ts";
import { LiveTail } from "./live-tail.ts";

const ALL = { limit: 10_000 };

function events(from: number, to: number): PlacedEvent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    atMs: 1,
    event: { type: "retry_due" as const, runId: asRunId("r"), taskId: asTaskId("t") },
  }));
}

const seqs = (tail: LiveTail, afterSeq: number): number[] | null =>
  tail.feed(afterSeq, ALL)?.events.map(({ seq }) => seq) ?? null;

test("knows nothing before the first commit, and keeps nothing while nobody watches", () => {
  const tail = new LiveTail();
  expect(tail.feed(0, ALL)).toBeNull();
  tail.committed(events(1, 3));
  expect(tail.feed(2, ALL)).toBeNull();
  expect(tail.feed(3, ALL)).toEqual({ events: [], nextSeq: 3 });
});

test("wakes who waits, and has what was committed since", async () => {
  const tail = new LiveTail();
  tail.committed(events(1, 3));
  const grown = tail.grown(3, new AbortController().signal);
  tail.committed(events(4, 5));
  await grown;
  tail.committed(events(6, 6));
  expect(seqs(tail, 3)).toEqual([4, 5, 6]);
  expect(seqs(tail, 5)).toEqual([6]);
  expect(tail.feed(3, { limit: 2 })?.nextSeq).toBe(5);
  expect(tail.feed(2, ALL)).toBeNull();
});

test("who waits is let go when the signal fires", async () => {
  const stop = new AbortController();
  const grown = new LiveTail().grown(0, stop.signal);
  stop.abort();
  await grown;
});

test("keeps a bounded number of events, and says when the oldest are gone", () => {
  const tail = new LiveTail();
  tail.committed(events(1, 1));
  void tail.grown(1, new AbortController().signal);
  for (let seq = 2; seq < 10_000; seq += 100) tail.committed(events(seq, seq + 99));
  expect(tail.feed(1, ALL)).toBeNull();
  const kept = seqs(tail, 9_000);
  expect(kept?.length).toBe(1_001);
  expect(kept?.at(-1)).toBe(10_001);
});
