import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import { batchAfter } from "./acceptance.ts";
import { assertChain, batchHash, emptyTail, follows, sealBatch, tailAfter } from "./batch.ts";
import type { Batch } from "./journal.ts";

const chain = (length: number): Batch[] => {
  const batches = [batchAfter(emptyTail(), { epoch: 2 })];
  while (batches.length < length) batches.push(batchAfter(tailAfter(batches.at(-1)!)));
  return batches;
};

describe("batchHash", () => {
  const batch: Omit<Batch, "hash"> = {
    seq: 2 ** 33 + 1,
    epoch: 3,
    batchId: "né:7",
    prevHash: new Uint8Array(32).fill(0xab),
    firstEvent: 5,
    eventCount: 2,
    timeMs: 1_800_000_000_123,
    events: Uint8Array.of(1, 2, 3),
  };

  test("is SHA-256 over the fields, each behind its length", () => {
    const hex = [
      "00000008 0000000200000001",
      "00000008 0000000000000003",
      "00000005 6ec3a93a37",
      `00000020 ${"ab".repeat(32)}`,
      "00000008 0000000000000005",
      "00000008 0000000000000002",
      `00000008 ${(1_800_000_000_123).toString(16).padStart(16, "0")}`,
      "00000003 010203",
    ];
    const bytes = Buffer.from(hex.join("").replaceAll(" ", ""), "hex");
    expect(Buffer.from(batchHash(batch)).toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test.each<[string, Partial<Batch>]>([
    ["seq", { seq: 1 }],
    ["epoch", { epoch: 4 }],
    ["batchId", { batchId: "né:8" }],
    ["prevHash", { prevHash: new Uint8Array(32) }],
    ["firstEvent", { firstEvent: 6 }],
    ["eventCount", { eventCount: 1 }],
    ["timeMs", { timeMs: 0 }],
    ["events", { events: Uint8Array.of(1, 2, 2) }],
  ])("covers %s", (_, change) => {
    expect(batchHash({ ...batch, ...change })).not.toEqual(batchHash(batch));
  });

  test("refuses numbers that have no exact place", () => {
    expect(() => batchHash({ ...batch, timeMs: 0.5 })).toThrow("whole numbers");
    expect(() => batchHash({ ...batch, seq: -1 })).toThrow("whole numbers");
  });
});

describe("a chain", () => {
  test("sealed batches follow each other", () => {
    const batches = chain(4);
    expect(() => assertChain(batches, emptyTail())).not.toThrow();
    expect(() => assertChain(batches.slice(2), null)).not.toThrow();
    expect(follows(tailAfter(batches[1]!), batches[2]!)).toBe(true);
    expect(follows(tailAfter(batches[0]!), batches[2]!)).toBe(false);
  });

  test.each<[string, (batches: Batch[]) => Batch[], string]>([
    ["a gap", ([a, , c]) => [a!, c!], "Batch 2 is missing"],
    ["a repetition", ([a, b]) => [a!, b!, b!], "Batch 3 is missing: batch 2 comes after 2"],
    [
      "a batch with another past",
      ([a]) => [a!, batchAfter({ ...tailAfter(a!), hash: new Uint8Array(32) })],
      "hash of batch 1",
    ],
    ["a falling epoch", ([a]) => [a!, batchAfter(tailAfter(a!), { epoch: 1 })], "Batch 2 is of epoch 1, after epoch 2"],
    [
      "lost events",
      ([a]) => [a!, batchAfter({ ...tailAfter(a!), lastEvent: 9 })],
      "Batch 2 starts at event 10, after event 1",
    ],
    ["changed content", ([a, b]) => [a!, { ...b!, timeMs: 9 }], "Batch 2 does not match its hash"],
  ])("%s is found", (_, damage, message) => {
    expect(() => assertChain(damage(chain(3)), emptyTail())).toThrow(
      expect.objectContaining({ code: "journal_broken", message: expect.stringContaining(message) }),
    );
  });

  test("a journal cannot start in the middle", () => {
    expect(() => assertChain(chain(2).slice(1), emptyTail())).toThrow("Batch 1 is missing");
  });

  test("the first batch follows the empty tail", () => {
    const content = { epoch: 1, batchId: "n:1", timeMs: 1, eventCount: 3, events: new Uint8Array() };
    const first = sealBatch(emptyTail(), content);
    expect(first).toMatchObject({ seq: 1, firstEvent: 1, prevHash: new Uint8Array(32) });
    expect(tailAfter(first)).toMatchObject({ seq: 1, lastEvent: 3 });
  });
});
