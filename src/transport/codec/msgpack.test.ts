import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { msgpackProblem, packMessage, unpackMessage } from "./msgpack.ts";

const problemOf = (...bytes: number[]): string | null => msgpackProblem(Uint8Array.from(bytes));
const utf8 = (text: string): number[] => [...Buffer.from(text)];

describe("msgpackProblem", () => {
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
    expect(problemOf(...bytes)).toMatch(problem);
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
    expect(problemOf(...bytes)).toBeNull();
    expect(unpackMessage(Uint8Array.from(bytes))).toEqual(value);
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
        if (msgpackProblem(bytes) !== null) return;
        passed += 1;
        expect(plain(unpackMessage(bytes))).toBe(true);
      }),
      { numRuns: 20_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });
});

describe("packMessage", () => {
  test("writes what the specification of MessagePack says, byte for byte", () => {
    const bytes = packMessage({
      n: 1,
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
    const bytes = packMessage(value);
    expect(msgpackProblem(bytes)).toBeNull();
    expect(unpackMessage(bytes)).toEqual(value);
  });

  test("a message stays as it is when others are packed after it", () => {
    const first = packMessage({ text: "first" });
    const copy = Uint8Array.from(first);
    for (let index = 0; index < 10_000; index += 1) packMessage({ index, text: "x".repeat(50) });
    expect(Uint8Array.from(first)).toEqual(copy);
  });

  test("a reader that knows msgpackr's extensions finds none", () => {
    const other = new Packr({ useRecords: true, mapsAsObjects: true });
    expect(other.unpack(packMessage({ a: [{ b: 1 }, { b: 2 }, { b: 3 }] }))).toEqual({
      a: [{ b: 1 }, { b: 2 }, { b: 3 }],
    });
  });
});
