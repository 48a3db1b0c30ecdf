import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { MAX_FRAME_BYTES, SUBPROTOCOLS } from "../../contracts/index.ts";
import type { CoordinatorFrameInput, Subprotocol } from "../../contracts/index.ts";
import type { Message } from "../connection.ts";
import { MAX_DEPTH } from "../limits.ts";
import { coordinatorCodec, workerCodec } from "./codec.ts";
import { anyCoordinatorFrame, anyWorkerFrame } from "./frame-arbitraries-acceptance.ts";

const packr = new Packr({ useRecords: false });

/** Any value as a message, right or wrong. */
const raw = (subprotocol: Subprotocol, value: object): Message =>
  subprotocol === "assay.v1+json" ? JSON.stringify(value) : packr.pack(value);

const nested = (depth: number): object => (depth === 1 ? [] : [nested(depth - 1)]);

/** A frame whose deepest list lies on the given level: frame, items, item, spec and config are the first five. */
const deepFrame = (depth: number): CoordinatorFrameInput => ({
  type: "assign",
  items: [
    {
      lease_seq: 1,
      run_id: "r",
      attempt: 1,
      spec: { task_id: "t", type: "browser", config: { deep: nested(depth - 5) as [] } },
    },
  ],
});

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe.each(SUBPROTOCOLS)("%s", (subprotocol) => {
  const forCoordinator = coordinatorCodec(subprotocol);
  const forWorker = workerCodec(subprotocol);

  test("what is encoded decodes to the same frame", () => {
    const n = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(anyWorkerFrame, n, (frame, at) => {
        expect(unwrap(forCoordinator.decode(unwrap(forWorker.encode(frame, at)), at))).toEqual(frame);
      }),
    );
    fc.assert(
      fc.property(anyCoordinatorFrame, n, (frame, at) => {
        expect(unwrap(forWorker.decode(unwrap(forCoordinator.encode(frame, at)), at))).toEqual(frame);
      }),
    );
  });

  test("random bytes and random text are refused, and never throw", () => {
    const noise = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "binary" }), fc.json());
    fc.assert(
      fc.property(noise, (message) => {
        expect(forCoordinator.decode(message, 1).ok).toBe(false);
        expect(forWorker.decode(message, 1).ok).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("a valid message with bytes changed never throws", () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(anyWorkerFrame, fc.array(change, { minLength: 1, maxLength: 4 }), (frame, changes) => {
        const message = unwrap(forWorker.encode(frame, 1));
        const bytes = Uint8Array.from(typeof message === "string" ? Buffer.from(message) : message);
        for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
        const damaged = typeof message === "string" ? Buffer.from(bytes).toString("utf8") : bytes;
        const decoded = forCoordinator.decode(damaged, 1);
        expect(decoded.ok || ["bad_frame", "out_of_order", "protocol_version"].includes(decoded.error.code)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("absent fields are left out", () => {
    const message = unwrap(forWorker.encode({ type: "progress", lease_seq: 1, message: undefined, fraction: 0.5 }, 1));
    expect(unwrap(forCoordinator.decode(message, 1))).toStrictEqual({ type: "progress", lease_seq: 1, fraction: 0.5 });
  });

  test("a key named __proto__ changes no prototype", () => {
    const evil = JSON.parse('{"n":1,"type":"drain","reason":"x","__proto__":{"polluted":1}}') as object;
    expect(forWorker.decode(raw(subprotocol, evil), 1)).toMatchObject({ ok: false, error: { code: "bad_frame" } });
    const config = JSON.parse('{"a":1,"__proto__":{"polluted":1}}') as Record<string, never>;
    const item = { lease_seq: 1, run_id: "r", attempt: 1, spec: { task_id: "t", type: "browser", config } };
    const decoded = forWorker.decode(raw(subprotocol, { n: 1, type: "assign", items: [item] }), 1);
    const configs =
      decoded.ok && decoded.value.type === "assign" ? decoded.value.items.map(({ spec }) => spec.config) : [];
    for (const taken of configs) expect("polluted" in taken).toBe(false);
    expect("polluted" in {}).toBe(false);
  });

  test(`nests to ${MAX_DEPTH} levels and no deeper, on the way out and in`, () => {
    const deepest = deepFrame(MAX_DEPTH);
    expect(forWorker.decode(unwrap(forCoordinator.encode(deepest, 1)), 1).ok).toBe(true);
    const deeper = deepFrame(MAX_DEPTH + 1);
    const refusal = {
      ok: false,
      error: { code: "bad_frame", message: expect.stringMatching(/deeper than 32 levels/) as string },
    };
    expect(forCoordinator.encode(deeper, 1)).toMatchObject(refusal);
    expect(forWorker.decode(raw(subprotocol, { n: 1, ...deeper }), 1)).toMatchObject(refusal);
  });

  test("half a million levels do not exhaust the stack", () => {
    const depth = 500_000;
    const bomb: Message =
      subprotocol === "assay.v1+json" ? "[".repeat(depth) + "]".repeat(depth) : new Uint8Array(depth).fill(0x91);
    expect(forWorker.decode(bomb, 1)).toMatchObject({ ok: false, error: { code: "bad_frame" } });
  });

  test("a message of the limit passes, one byte more does not", () => {
    const frameOf = (bytes: number): CoordinatorFrameInput => ({ type: "drain", reason: "x".repeat(bytes) });
    const size = (message: Message): number =>
      typeof message === "string" ? Buffer.byteLength(message) : message.length;
    const overhead = size(unwrap(forCoordinator.encode(frameOf(100_000), 1))) - 100_000;
    const largest = unwrap(forCoordinator.encode(frameOf(MAX_FRAME_BYTES - overhead), 1));
    expect(size(largest)).toBe(MAX_FRAME_BYTES);
    expect(forWorker.decode(largest, 1).ok).toBe(true);
    const refusal = { ok: false, error: { code: "frame_too_large" } };
    expect(forCoordinator.encode(frameOf(MAX_FRAME_BYTES - overhead + 1), 1)).toMatchObject(refusal);
    expect(forCoordinator.encode({ type: "drain", reason: "€".repeat(MAX_FRAME_BYTES / 3) }, 1)).toMatchObject(refusal);
    const tooLarge = raw(subprotocol, { n: 1, ...frameOf(MAX_FRAME_BYTES) });
    expect(forWorker.decode(tooLarge, 1)).toMatchObject(refusal);
  });

  test.each([
    { value: [1], code: "bad_frame", says: /must be an object/ },
    { value: { type: "drain", reason: "x" }, code: "bad_frame", says: /n must be a whole number/, path: "n" },
    { value: { n: "1", type: "drain", reason: "x" }, code: "bad_frame", says: /n must be/, path: "n" },
    { value: { n: 1.5, type: "drain", reason: "x" }, code: "bad_frame", says: /n must be/, path: "n" },
    {
      value: { n: 8, type: "drain", reason: "x" },
      code: "out_of_order",
      says: /Frame 8 came where 7 was due/,
      path: "n",
    },
    { value: { n: 7, type: "party" }, code: "bad_frame", says: /type must be one of welcome, assign/, path: "type" },
    { value: { n: 7, type: "hello" }, code: "bad_frame", says: /type must be one of/, path: "type" },
    { value: { n: 7, type: "drain" }, code: "bad_frame", says: /reason is missing/, path: "reason" },
    {
      value: { n: 7, type: "drain", reason: "x", more: 1 },
      code: "bad_frame",
      says: /more is not a field/,
      path: "more",
    },
    {
      value: {
        n: 7,
        type: "ack",
        items: [
          { lease_seq: 1, verdict: "accepted" },
          { lease_seq: 2, verdict: "maybe" },
        ],
      },
      code: "bad_frame",
      says: /items\[1\]\.verdict must be one of/,
      path: "items[1].verdict",
    },
    {
      value: { n: 7, type: "welcome", protocol_version: 99 },
      code: "protocol_version",
      says: /protocol 99, the other \d/,
    },
  ])("refuses $value", ({ value, code, says, path }) => {
    const decoded = forWorker.decode(raw(subprotocol, value), 7);
    const message = expect.stringMatching(says) as string;
    expect(decoded).toMatchObject({ ok: false, error: { code, message, ...(path === undefined ? {} : { path }) } });
  });
});
