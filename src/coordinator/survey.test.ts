import fc from "fast-check";
import { expect, test } from "vitest";
import { survey } from "./survey.ts";

const document = fc.jsonValue({ maxDepth: 4, stringUnit: "binary" });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

test("the same document has the same fingerprint, a different one another", () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(document, (value) => {
      const { fingerprint } = survey(plain(value));
      const text = JSON.stringify(value);
      expect(fingerprint).toMatch(/^\d+\.\d+$/);
      expect(seen.get(fingerprint) ?? text).toBe(text);
      seen.set(fingerprint, text);
    }),
    { numRuns: 5_000 },
  );
  expect(seen.size).toBeGreaterThan(1_000);
});

test("documents that differ in one place have different fingerprints", () => {
  const result = { task_id: "t1", status: "completed", exit_code: 0, metrics: [{ value: 1.5 }], results: {} };
  const others = [
    { ...result, task_id: "t2" },
    { ...result, exit_code: 1 },
    { ...result, exit_code: null },
    { ...result, exit_code: "0" },
    { ...result, exit_code: false },
    { ...result, metrics: [{ value: 1.5000001 }] },
    { ...result, metrics: [1.5] },
    { ...result, metrics: [{ value: 1.5 }, {}] },
    { ...result, results: [] },
    { ...result, results: { "": "" } },
    { ...result, more: undefined, results: { metrics: [] } },
  ];
  const prints = [result, ...others].map((value) => survey(value).fingerprint);
  expect(new Set(prints).size).toBe(prints.length);
  expect(survey({ ...result, more: undefined }).fingerprint).toBe(prints[0]);
  const numbered = Array.from({ length: 50_000 }, (_, index) => survey({ task_id: `t${index}` }).fingerprint);
  expect(new Set(numbered).size).toBe(numbered.length);
});

test("the depth and the most bytes are right", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(
    fc.property(document, (value) => {
      const { depth, maxBytes } = survey(value);
      expect(depth).toBe(depthOf(value));
      expect(maxBytes).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(value)));
    }),
  );
  expect(survey("\0".repeat(1_000)).maxBytes).toBeGreaterThan(6_000);
});

test("a key named __proto__ is found wherever it is", () => {
  expect(survey(JSON.parse('{"a":[{"b":{"__proto__":1}}]}')).hasProto).toBe(true);
  expect(survey({ a: "__proto__" }).hasProto).toBe(false);
});

test("a document that nests without end does not exhaust the stack", () => {
  const bomb = JSON.parse("[".repeat(5_000) + "]".repeat(5_000)) as unknown;
  expect(survey(bomb).depth).toBe(65);
});
