import fc from "fast-check";
import { expect, test } from "vitest";
import { criticalT, twoSidedP } from "./student-t.ts";

test.each([
  // Upper points of Student's t, two-sided: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
  { degrees: 1, p: 0.05, t: 12.706 },
  { degrees: 2, p: 0.05, t: 4.303 },
  { degrees: 4, p: 0.01, t: 4.604 },
  { degrees: 10, p: 0.05, t: 2.228 },
  { degrees: 30, p: 0.001, t: 3.646 },
  { degrees: 100, p: 0.1, t: 1.66 },
])("the critical value of $degrees degrees at $p is the published one", ({ degrees, p, t }) => {
  expect(criticalT(p, degrees)).toBeCloseTo(t, 3);
  expect(twoSidedP(criticalT(p, degrees), degrees)).toBeCloseTo(p, 10);
});

test("with one degree it is Cauchy's distribution, with two it has a closed form", () => {
  const any = fc.double({ min: -50, max: 50, noNaN: true });
  fc.assert(
    fc.property(any, (t) => {
      expect(twoSidedP(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(Math.abs(t)), 12);
      expect(twoSidedP(t, 2)).toBeCloseTo(1 - Math.abs(t) / Math.sqrt(2 + t * t), 12);
    }),
    // So near 0 that 1 - p has no digits left of t / (2 + t²).
    { examples: [[-7.07106761188202e-10], [1e-5], [-1e-12]], numRuns: 2_000 },
  );
});
