import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { MAX_DEPTH } from "../limits.ts";
import { MsgpackReader } from "./msgpack-reader.ts";

const reader = new MsgpackReader();
const packr = new Packr({ useRecords: false });

describe("MsgpackReader", () => {
  test.each([
    ["an empty message", [], /ends? before/],
    ["a text that ends early", [0xa5, 0x61], /ends? before/],
    ["a number that ends early", [0xcb, 0, 0], /ends? before/],
    ["a length that ends early", [0xdb, 0, 0], /ends? before/],
    ["a list that announces more than it has", [0xdd, 0xff, 0xff, 0xff, 0xff], /ends? before/],
    ["a map that announces more than it has", [0xdf, 0x80, 0, 0, 0, 0xa1, 0x61, 1], /ends? before/],
    ["a second value", [0x01, 0x02], /bytes follow/],
    ["a number as a key", [0x81, 0x01, 0x02], /key/],
    ["a list as a key", [0x81, 0x90, 0x02], /key/],
    ["a byte that means nothing", [0xc1], /extension/],
    ["binary data", [0xc4, 0x01, 0x00], /binary/],
    ["msgpackr's undefined", [0xd4, 0x00, 0x00], /extension/],
    ["a timestamp", [0xd6, 0xff, 0, 0, 0, 0], /extension/],
    ["a record definition of msgpackr", [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01], /extension/],
    ["an error of msgpackr", [0xc7, 0x00, 0x65], /extension/],
  ])("refuses %s", (_name, bytes, problem) => {
    const read = reader.read(Uint8Array.from(bytes));
    expect(read).toEqual({ ok: false, error: expect.stringMatching(problem) as string });
  });

  test.each([
    [
      "numbers of every size",
      [
        0x98, 0xcc, 255, 0xcd, 1, 0, 0xce, 0, 1, 0, 0, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xd0, 0x80, 0xd1, 0x80, 0, 0xd2,
        0x80, 0, 0, 0, 0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
      ],
      [255, 256, 65_536, 2 ** 32, -128, -32_768, -(2 ** 31), -2],
    ],
    ["small numbers, truth and nothing", [0x95, 0x7f, 0xe0, 0xc0, 0xc2, 0xc3], [127, -32, null, false, true]],
    ["floats", [0x92, 0xca, 0x3f, 0x80, 0, 0, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], [1, 1.5]],
    ["texts with every length", [0x93, 0xd9, 1, 0x61, 0xda, 0, 1, 0x62, 0xdb, 0, 0, 0, 1, 0x63], ["a", "b", "c"]],
    [
      "containers with every length",
      [0x94, 0xdc, 0, 1, 0x01, 0xdd, 0, 0, 0, 1, 0x02, 0xde, 0, 1, 0xa1, 0x61, 1, 0xdf, 0, 0, 0, 0],
      [[1], [2], { a: 1 }, {}],
    ],
  ])("takes %s", (_name, bytes, value) => {
    expect(reader.read(Uint8Array.from(bytes))).toEqual({ ok: true, value });
  });

  test("what passes never makes the reader throw or build anything but plain data", () => {
    const plain = (value: unknown): boolean =>
      typeof value !== "object" ||
      value === null ||
      Array.isArray(value) ||
      Object.getPrototypeOf(value) === Object.prototype;
    let passed = 0;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 24 }), (bytes) => {
        const read = reader.read(bytes);
        if (!read.ok) return;
        passed += 1;
        expect(plain(read.value)).toBe(true);
      }),
      { numRuns: 20_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });

  test("reads what msgpackr writes", () => {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 80 }));
    const { value } = fc.letrec<{ value: unknown; json: unknown }>((tie) => ({
      value: fc.oneof(fc.array(tie("json")), fc.dictionary(text, tie("json"))),
      json: fc.oneof(
        { depthSize: "small" },
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        tie("value"),
      ),
    }));
    fc.assert(
      fc.property(value, (given) => {
        const read = reader.read(packr.pack(given));
        const known = JSON.parse(JSON.stringify(given).replaceAll('"__proto__":', '"__proto_":')) as unknown;
        expect(read).toEqual({ ok: true, value: known });
      }),
      { numRuns: 1_000 },
    );
  });

  test("texts that are alike are not taken for each other, in messages one after the other", () => {
    const texts = ["run-1", "run-2", "nur-1", "run-1", "rün-1", "run-1", "r", "", "x".repeat(64), "x".repeat(65)];
    for (const text of [...texts, ...texts]) expect(reader.read(packr.pack(text))).toEqual({ ok: true, value: text });
    expect(reader.read(packr.pack(texts))).toEqual({ ok: true, value: texts });
  });

  test("takes the deepest nesting and nothing deeper", () => {
    const nested = (depth: number): Uint8Array =>
      Uint8Array.from([...Array.from({ length: depth - 1 }, () => 0x91), 0x90]);
    expect(reader.read(nested(MAX_DEPTH)).ok).toBe(true);
    expect(reader.read(nested(MAX_DEPTH + 1))).toEqual({ ok: false, error: "it nests deeper than 32 levels" });
  });
});
