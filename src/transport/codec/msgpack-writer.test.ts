import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { MAX_DEPTH } from "../limits.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

const packr = new Packr({ useRecords: false });
const MAX_BYTES = 200_000;
const writer = new MsgpackWriter(MAX_BYTES);
const utf8 = (text: string): number[] => [...Buffer.from(text)];

function written(frame: object): Uint8Array {
  const message = writer.write(1, frame);
  if (typeof message === "string") throw new Error(message);
  return message;
}

describe("MsgpackWriter", () => {
  test("writes what the specification of MessagePack says, byte for byte", () => {
    const bytes = written({
      type: "ack",
      items: [{ lease_seq: 70_000, verdict: "stale", gone: undefined }],
      x: -1.5,
    });
    const expected = [
      ...[0x84, 0xa1, ...utf8("n"), 0x01, 0xa4, ...utf8("type"), 0xa3, ...utf8("ack"), 0xa5, ...utf8("items"), 0x91],
      ...[
        0x82,
        0xa9,
        ...utf8("lease_seq"),
        0xce,
        0x00,
        0x01,
        0x11,
        0x70,
        0xa7,
        ...utf8("verdict"),
        0xa5,
        ...utf8("stale"),
      ],
      ...[0xa1, ...utf8("x"), 0xcb, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0],
    ];
    expect([...bytes]).toEqual(expected);
  });

  test("keeps keys that have a meaning in JavaScript", () => {
    const value = { constructor: 5, toJSON: "x", hasOwnProperty: 1, valueOf: null, length: 3 };
    const bytes = written(value);
    expect(packr.unpack(bytes)).toEqual({ n: 1, ...value });
  });

  test("msgpackr reads what it writes, whatever the length of texts and the size of numbers", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.tuple(fc.constantFrom("x", "é", "€", "😀"), fc.nat(400)).map(([unit, count]) => unit.repeat(count)),
    );
    const number = fc.oneof(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      fc.integer({ min: -300, max: 300 }),
    );
    const fields = fc.dictionary(
      fc.string({ maxLength: 50 }).map((key) => `k${key}`),
      fc.oneof(text, number, fc.jsonValue({ maxDepth: 3 }), fc.array(fc.nat(), { maxLength: 40 })),
      { maxKeys: 20 },
    );
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;
    fc.assert(
      fc.property(fields, (value) => {
        const read: unknown = packr.unpack(written(value));
        expect(read).toEqual({ n: 1, ...(plain(value) as object) });
      }),
      { numRuns: 1_000 },
    );
  });

  test("a message stays as it is when others are written after it", () => {
    const first = written({ text: "first" });
    const copy = Uint8Array.from(first);
    for (let index = 0; index < 10_000; index += 1) written({ index, text: "x".repeat(50) });
    expect(Uint8Array.from(first)).toEqual(copy);
  });

  test("refuses what is too deep or too large, and writes the next one", () => {
    const nested = (depth: number): object => (depth === 1 ? {} : [nested(depth - 1)]);
    expect(writer.write(1, { deep: nested(MAX_DEPTH - 1) })).toBeInstanceOf(Uint8Array);
    expect(writer.write(1, { deep: nested(MAX_DEPTH) })).toBe("too_deep");
    const overhead = written({ text: "x".repeat(MAX_BYTES / 2) }).length - MAX_BYTES / 2;
    expect(written({ text: "x".repeat(MAX_BYTES - overhead) })).toHaveLength(MAX_BYTES);
    expect(writer.write(1, { text: "x".repeat(MAX_BYTES - overhead + 1) })).toBe("too_large");
    expect(writer.write(1, { texts: Array.from({ length: 40_000 }, () => "x".repeat(40)) })).toBe("too_large");
    expect(packr.unpack(written({ type: "ack" }))).toEqual({ n: 1, type: "ack" });
  });

  test("a message may begin at the end of a chunk", () => {
    const small = new MsgpackWriter(MAX_BYTES);
    for (let index = 0; index < 5_000; index += 1) {
      const frame = { index, text: "é".repeat(index % 90), list: [index, -1 - index, index / 3] };
      expect(packr.unpack(small.write(7, frame) as Uint8Array)).toEqual({ n: 7, ...frame });
    }
  });
});
