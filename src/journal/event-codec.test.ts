import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";

import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import { resultDocument, taskSpec } from "../contracts/index.ts";
import type { JournalEvent, TaskSpecInput } from "../contracts/index.ts";
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
    0xc4: () => bytes.subarray(at + 1, (at += 1 + view.getUint8(at))),
    0xc5: () => bytes.subarray(at + 2, (at += 2 + view.getUint16(at))),
    0xc6: () => bytes.subarray(at + 4, (at += 4 + view.getUint32(at))),
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

const plainResult = resultDocument.parse({
  task_id: "t",
  worker_id: "w",
  status: "completed",
  execution_time_seconds: 0.1,
});

/** Times, counts and places as they are, and numbers that no event should carry; zero has no sign in MessagePack. */
const number = fc
  .oneof(fc.nat(), fc.maxSafeNat(), fc.double(), fc.constantFrom(2 ** 51, 2 ** 53, -1))
  .map((some) => some + 0);
const word = fc.oneof(fc.constantFrom("w", "t", "r"), fc.string({ unit: "binary" }));
const after = fc.oneof(
  fc.constantFrom({ state: "completed" }, { state: "failed" }, { state: "cancelled", more: 1 }),
  fc.record({ state: fc.constant("queued"), notBeforeMs: number }),
);
/** Without the one key that decoders change; the coordinator refuses it. */
const json = fc
  .json()
  .filter((text) => !text.includes("__proto__"))
  .map((text) => JSON.parse(text) as unknown);
const result = fc.oneof(
  fc.record({ execution_time_seconds: number, status: word }).map((some) => ({ ...plainResult, ...some })),
  fc.dictionary(fc.constantFrom(...Object.keys(plainResult)), json).map((some) => ({ ...plainResult, ...some })),
  fc.constant(null),
);
/** Fields of later versions, at any place: a field may also be missing or hold something else. */
const odd = fc.dictionary(fc.constantFrom("extra", "runId", "attempt", "hardware", "result", "after", "tasks"), json, {
  maxKeys: 1,
});
const ref = { runId: word, taskId: word, attempt: number };
const task = fc
  .record({
    task_id: word,
    priority: fc.constantFrom(50, 1),
    depends_on: fc.array(word, { maxLength: 1 }),
    config: fc.constantFrom({ command: "true" }, { command: ["a", "b"], env: { A: "1", B: "2" } }),
    labels: fc.constantFrom({ a: "1", b: "2" }, { b: "2", a: "1" }),
  })
  .map(({ task_id, config, ...more }) => ({
    ...taskSpec.parse({ task_id: "t", type: "command", config } as TaskSpecInput),
    task_id,
    ...more,
  }));
const anyEvent = fc
  .tuple(
    fc.oneof(
      fc.record({ type: fc.constant("attempt_leased"), ...ref, workerId: word, hardware: fc.option(word) }),
      fc.record({ type: fc.constant("attempt_started"), ...ref, startedAtMs: number }),
      fc.record({
        type: fc.constant("attempt_finished"),
        ...ref,
        leaseSeq: number,
        workerId: word,
        outcome: word,
        startedAtMs: fc.option(number),
        finishedAtMs: number,
        result,
        digest: fc.option(word),
        failure: fc.option(fc.record({ class: word, message: word })),
        after,
      }),
      fc.record({ type: fc.constant("run_submitted"), runId: word, tasks: fc.array(fc.oneof(task, json)), name: word }),
      fc.record({ type: fc.constant("not_yet_known"), value: json }),
    ),
    fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: odd }),
  )
  // Cloned into plain objects: some that are made here have no prototype.
  .map(([event, more]) => structuredClone({ ...event, ...more }) as unknown as JournalEvent);

describe("encodeEvents", () => {
  test("decodeEvents gives the same events back", () => {
    expect(decodeEvents(encodeEvents(events))).toEqual(events);
    expect(decodeEvents(encodeEvents([]))).toEqual([]);
  });

  test("nothing gets lost, whatever an event holds", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (some) => {
        expect(decodeEvents(encodeEvents(some))).toStrictEqual(some);
      }),
      { numRuns: 500 },
    );
  });

  test("tasks keep the order of their keys, and share what is equal", () => {
    const spec = taskSpec.parse({ task_id: "a", type: "command", config: { command: "true", env: { A: "1" } } });
    const tasks = [spec, { ...structuredClone(spec), task_id: "b" }, { ...spec, labels: { z: "1", a: "2" } }];
    const event: JournalEvent = {
      type: "run_submitted",
      runId: asRunId("r"),
      name: "run",
      submittedBy: "me",
      idempotencyKey: null,
      digest: "d",
      waitForCapacity: false,
      pool: "default",
      tasks,
    };
    const [decoded] = decodeEvents(encodeEvents([event]));
    expect(JSON.stringify(decoded)).toBe(JSON.stringify(event));
    if (decoded?.type !== "run_submitted") throw new Error("another event came back");
    expect(decoded.tasks[1]?.config).toBe(decoded.tasks[0]?.config);
  });

  test("the usual course of a task takes few bytes", () => {
    const ids = { runId: asRunId(`run_${"0".repeat(36)}`), taskId: asTaskId("t"), attempt: 1 };
    const workerId = asWorkerId("w");
    const course = (leaseSeq: number): JournalEvent[] => [
      { type: "attempt_leased", ...ids, workerId, hardware: "cpu" },
      { type: "attempt_started", ...ids, startedAtMs: 1_800_000_000_000 },
      {
        type: "attempt_finished",
        ...ids,
        leaseSeq,
        workerId,
        outcome: "succeeded",
        startedAtMs: 1_800_000_000_000,
        finishedAtMs: 1_800_000_000_100,
        result: plainResult,
        digest: "d".repeat(64),
        failure: null,
        after: { state: "completed" },
      },
    ];
    const many = Array.from({ length: 100 }, (_, index) => course(1_000_000 + index)).flat();
    expect(encodeEvents(many).length / 100).toBeLessThan(120);
  });

  test("any MessagePack reader takes it apart, however many events there are", () => {
    const many = Array.from({ length: 70_000 }, () => events[0]!);
    expect(decodePlain(encodeEvents(many))).toEqual([2, [], "", many, Buffer.alloc(many.length)]);
  });

  test("a key without a value is left out, as in JSON", () => {
    const event = { type: "worker_left", workerId: asWorkerId("w-1"), reason: "done", extra: undefined } as const;
    const expected = [{ type: "worker_left", workerId: "w-1", reason: "done" }];
    expect(decodeEvents(encodeEvents([event]))).toStrictEqual(expected);
  });
});

describe("decodeEvents", () => {
  test("reads the first form, which was the events themselves", () => {
    const packr = new Packr({ useRecords: false });
    expect(decodeEvents(packr.pack(events))).toEqual(events);
    expect(decodeEvents(packr.pack([]))).toEqual([]);
  });

  test("refuses a form that it does not know", () => {
    expect(() => decodeEvents(new Packr().pack([3]))).toThrow("form 3");
  });
});
