import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DiscoveredTest } from "../../frameworks/index.ts";
import { batchesOf } from "./batches.ts";
import type { TestPast } from "./batches.ts";
import type { NeedyTest, TestNeeds } from "./test-needs.ts";

const noNeeds: TestNeeds = {
  requirements: {},
  resources: {},
  labels: {},
  retries: undefined,
  testTimeoutSeconds: undefined,
  critical: false,
  together: undefined,
};

function needy(id: string, needs: Partial<TestNeeds> = {}): NeedyTest {
  const found: DiscoveredTest = { id, file: "a.py", tags: [] };
  return { test: found, needs: { ...noNeeds, ...needs } };
}

const unseen = (): TestPast => ({ expectedSeconds: null, risk: 0 });
const idsOf = (batches: ReturnType<typeof batchesOf>): string[][] =>
  batches.map(({ tests }) => tests.map(({ test: { id } }) => id));

describe("batches", () => {
  test("hold every test once, keep together what must be, and part what needs other things", () => {
    const tests = fc.array(
      fc.record({
        together: fc.option(fc.constantFrom("m1", "m2"), { nil: undefined }),
        gpu: fc.boolean(),
        seconds: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
        risk: fc.integer({ min: 0, max: 2 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(tests, fc.integer({ min: 1, max: 16 }), (given, slots) => {
        const pasts = new Map<string, TestPast>();
        const all = given.map(({ together, gpu, seconds, risk }, index) => {
          pasts.set(`t${index}`, { expectedSeconds: seconds, risk });
          return needy(`t${index}`, { together, ...(gpu ? { requirements: { hardware: ["cuda"] } } : {}) });
        });
        const past = ({ test: { id } }: NeedyTest): TestPast => pasts.get(id) ?? unseen();
        const batches = batchesOf(all, { slots, past });
        expect(idsOf(batches).flat().sort()).toEqual(all.map(({ test: { id } }) => id).sort());
        for (const { tests: inBatch, risk, needs } of batches) {
          for (const one of inBatch) {
            expect(one.needs.requirements).toEqual(needs.requirements);
            if (one.needs.together === undefined) expect(past(one).risk).toBe(risk);
          }
          // What stays together is as urgent as the most urgent of it.
          expect(Math.max(...inBatch.map((one) => past(one).risk))).toBe(risk);
        }
        const homes = new Map<string, number>();
        for (const [index, { tests: inBatch }] of batches.entries()) {
          for (const one of inBatch) {
            if (one.needs.together === undefined) continue;
            const key = `${one.needs.together} ${JSON.stringify(one.needs.requirements)}`;
            expect(homes.get(key) ?? index).toBe(index);
            homes.set(key, index);
          }
        }
      }),
    );
  });

  test("a long test stands alone, short ones share, and each slot has several", () => {
    const seconds = new Map([["long", 40], ...Array.from({ length: 200 }, (_, n): [string, number] => [`t${n}`, 0.2])]);
    const past = ({ test: { id } }: NeedyTest): TestPast => ({ expectedSeconds: seconds.get(id) ?? null, risk: 0 });
    const batches = batchesOf(
      [...seconds.keys()].map((id) => needy(id)),
      { slots: 2, past },
    );
    expect(batches[0]?.tests.map(({ test: { id } }) => id)).toEqual(["long"]);
    expect(batches[0]?.expectedSeconds).toBe(40);
    expect(batches.length).toBeGreaterThan(8);
    expect(batches.length).toBeLessThan(30);
  });

  test("tests of which nothing is known are spread over the slots", () => {
    const batches = batchesOf(
      Array.from({ length: 4 }, (_, n) => needy(`t${n}`)),
      { slots: 2, past: unseen },
    );
    expect(idsOf(batches)).toEqual([["t0"], ["t1"], ["t2"], ["t3"]]);
    expect(batches.every(({ expectedSeconds }) => expectedSeconds === null)).toBe(true);
  });

  test("what must be together and is more than a task takes is cut", () => {
    const all = Array.from({ length: 7_000 }, (_, n) => needy(`t${n}`, { together: "one" }));
    const batches = batchesOf(all, { slots: 1, past: unseen });
    expect(batches.map(({ tests }) => tests.length)).toEqual([5_000, 2_000]);
  });
});
