import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fisherExact, oddsRatio, stratifiedExact } from "./fisher.ts";
import { logGamma } from "./gamma.ts";
import type { TwoByTwo } from "./fisher.ts";

/** Hits and others inside, hits and others outside. */
const table = ([a, b, c, d]: readonly [number, number, number, number]): TwoByTwo => ({
  inside: a + b,
  insideHits: a,
  outside: c + d,
  outsideHits: c,
});

test("log-gamma of factorials and of a half", () => {
  expect(logGamma(1)).toBeCloseTo(0, 13);
  expect(logGamma(11)).toBeCloseTo(Math.log(3_628_800), 11);
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
  // Abramowitz and Stegun: ln 100! = 363.7393755555635.
  expect(logGamma(101)).toBeCloseTo(363.7393755555635, 9);
});

describe("fisherExact", () => {
  test.each([
    // One-sided and two-sided. Fisher, The Design of Experiments, 1935: the lady tasting tea (17/70).
    ["tea tasting", table([3, 1, 1, 3]), [17 / 70, 34 / 70]],
    // Fisher's convictions of twins, in R's ?fisher.test: 0.0004652 one-sided, 0.0005367 two-sided.
    ["convictions", table([10, 3, 2, 15]), [0.0004651809, 0.0005367241]],
    // scipy.stats.fisher_exact([[8, 2], [1, 5]]) in its documentation.
    ["whales and sharks", table([8, 2, 1, 5]), [0.0244755245, 0.034965034965034975]],
  ] as const)("%s", (_name, counts, [greater, twoSided]) => {
    const found = fisherExact(counts);
    expect(found.greater).toBeCloseTo(greater, 9);
    expect(found.twoSided).toBeCloseTo(twoSided, 9);
  });

  test("is a probability, never above one, and grows when a hit inside is taken away", () => {
    const count = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(fc.tuple(count, count, count, count), (counts) => {
        const [a, b, c, d] = counts;
        const { greater, twoSided } = fisherExact(table(counts));
        for (const p of [greater, twoSided]) expect(p > 0 && p <= 1 + 1e-12).toBe(true);
        // One hit less inside, and one more outside, is more usual.
        if (a > 0 && d > 0)
          expect(fisherExact(table([a - 1, b + 1, c + 1, d - 1])).greater).toBeGreaterThanOrEqual(greater - 1e-12);
        // The two one-sided tests share the table itself.
        const less = fisherExact(table([c, d, a, b])).greater;
        expect(greater + less).toBeGreaterThanOrEqual(1 - 1e-9);
      }),
    );
  });
});

describe("stratifiedExact", () => {
  test("R's penicillin rabbits: mantelhaen.test(Rabbits, exact = TRUE) has p = 0.03994, both sides alike", () => {
    const strata = [
      table([0, 6, 0, 5]),
      table([3, 3, 0, 6]),
      table([6, 0, 2, 4]),
      table([5, 1, 6, 0]),
      table([2, 0, 5, 0]),
    ];
    expect(2 * stratifiedExact(strata)).toBeCloseTo(0.03994, 5);
  });

  test("one stratum is Fisher's test, and a difference between strata is none", () => {
    expect(stratifiedExact([table([8, 2, 1, 5])])).toBeCloseTo(fisherExact(table([8, 2, 1, 5])).greater, 12);
    expect(stratifiedExact([table([20, 0, 0, 0]), table([0, 0, 0, 80])])).toBe(1);
  });
});

test("the odds ratio of an empty cell is finite, and its interval holds it", () => {
  const { value, low, high } = oddsRatio(table([18, 2, 0, 300]));
  expect(value).toBeCloseTo((18.5 * 300.5) / (2.5 * 0.5), 9);
  expect(low).toBeLessThan(value);
  expect(high).toBeGreaterThan(value);
  expect(Number.isFinite(high)).toBe(true);
});
