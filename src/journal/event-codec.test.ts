import { describe, expect, test } from "vitest";

import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { decodeEvents, encodeEvents } from "./event-codec.ts";

const attempt = { runId: asRunId("r-1"), taskId: asTaskId("tâche"), attempt: 1 };
const events: JournalEvent[] = [
  { type: "epoch_opened", epoch: 70_000, holder: "host:1", graceMs: 0 },
  { type: "worker_draining", workerId: asWorkerId("w-1"), by: "é".repeat(300), reason: "" },
  { type: "attempt_started", startedAtMs: 1_800_000_000_123, ...attempt },
  {
    type: "attempt_finished",
    leaseSeq: 2 ** 40,
    workerId: asWorkerId("w-1"),
    outcome: "failed",
    startedAtMs: null,
    finishedAtMs: -0.25,
    result: null,
    digest: null,
    failure: null,
    after: { state: "queued", notBeforeMs: 5 },
    ...attempt,
  },
];

/** MessagePack as its specification has it, without extensions: it throws on anything else. */
function decodePlain(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const uint = (size: 1 | 2 | 4): number => {
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
    at += size;
    return value;
  };
  const text = (length: number): string => new TextDecoder().decode(bytes.subarray(at, (at += length)));
  const array = (length: number): unknown[] => Array.from({ length }, () => value());
  const map = (length: number): unknown => Object.fromEntries(Array.from({ length }, () => [value(), value()]));
  const signed = (size: 1 | 2 | 4): number => (uint(size) << (32 - 8 * size)) >> (32 - 8 * size);
  const byTag: Record<number, () => unknown> = {
    0xc0: () => null,
    0xc2: () => false,
    0xc3: () => true,
    0xca: () => view.getFloat32((at += 4) - 4),
    0xcb: () => view.getFloat64((at += 8) - 8),
    0xcc: () => uint(1),
    0xcd: () => uint(2),
    0xce: () => uint(4),
    0xd0: () => signed(1),
    0xd1: () => signed(2),
    0xd2: () => signed(4),
    0xd9: () => text(uint(1)),
    0xda: () => text(uint(2)),
    0xdb: () => text(uint(4)),
    0xdc: () => array(uint(2)),
    0xdd: () => array(uint(4)),
    0xde: () => map(uint(2)),
    0xdf: () => map(uint(4)),
  };
  const value = (): unknown => {
    const tag = uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag & 0x0f);
    if (tag < 0xa0) return array(tag & 0x0f);
    if (tag < 0xc0) return text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 256;
    const read = byTag[tag];
    if (read === undefined) throw new Error(`not plain MessagePack: 0x${tag.toString(16)}`);
    return read();
  };
  const decoded = value();
  expect(at).toBe(bytes.length);
  return decoded;
}

describe("encodeEvents", () => {
  test("decodeEvents gives the same events back", () => {
    expect(decodeEvents(encodeEvents(events))).toEqual(events);
    expect(decodeEvents(encodeEvents([]))).toEqual([]);
  });

  test("any MessagePack reader decodes it, however many events there are", () => {
    expect(decodePlain(encodeEvents(events))).toEqual(events);
    const many = Array.from({ length: 70_000 }, () => events[0]!);
    expect(decodePlain(encodeEvents(many))).toEqual(many);
  });

  test("a key without a value is left out, as in JSON", () => {
    const event = { type: "worker_left", workerId: asWorkerId("w-1"), reason: "done", extra: undefined } as const;
    const expected = [{ type: "worker_left", workerId: "w-1", reason: "done" }];
    expect(decodePlain(encodeEvents([event]))).toStrictEqual(expected);
    expect(decodeEvents(encodeEvents([event]))).toStrictEqual(expected);
  });
});
