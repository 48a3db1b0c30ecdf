import fc from "fast-check";
import { expect, test } from "vitest";
import { falseDiscoveryAdjusted } from "./false-discovery.ts";

test("the example of Benjamini and Hochberg (1995): of 15 comparisons, four are rejected at 5 %", () => {
  const p = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ];
  const q = falseDiscoveryAdjusted(p);
  expect(q.filter((one) => one <= 0.05).length).toBe(4);
  // R: p.adjust(p, "BH").
  for (const [index, expected] of [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.063857143].entries())
    expect(q[index]).toBeCloseTo(expected, 8);
});

test("q is never below p nor above one, and keeps the order", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (p) => {
      const q = falseDiscoveryAdjusted(p);
      for (const [index, one] of p.entries()) {
        expect(q[index]).toBeGreaterThanOrEqual(one);
        expect(q[index]).toBeLessThanOrEqual(1);
        for (const [other, two] of p.entries()) if (one < two) expect(q[index]! <= q[other]!).toBe(true);
      }
    }),
  );
});
