import { expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { rankSumTest, shiftBetween } from "./rank-sum.ts";

test("exact p without ties is SciPy's (mannwhitneyu, exact)", () => {
  expect(rankSumTest([78, 64, 75, 45, 82], [110, 70, 53, 51])).toEqual({
    u: 11,
    p: expect.closeTo(0.9047619047619049, 12),
    delta: expect.closeTo(0.1, 12),
  });
  // The smallest p of four against four is 2 / 70.
  expect(rankSumTest([1, 2, 3, 4], [5, 6, 7, 8]).p).toBeCloseTo(2 / 70, 14);
});

test("with ties it is the normal p with both corrections (Hollander and Wolfe's data, SciPy's mannwhitneyu, asymptotic)", () => {
  const before = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
  const after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
  expect(rankSumTest(before, after)).toMatchObject({ u: 58, p: expect.closeTo(0.13291945818531892, 12) });
  expect(rankSumTest([1, 1], [1, 1]).p).toBe(1);
});

test("the shift and its interval hold what is added", () => {
  const rng = seededRng(3);
  let held = 0;
  for (let round = 0; round < 1_000; round += 1) {
    const noise = (): number => Math.log(1 / (1 - rng.next()));
    const a = Array.from({ length: 12 }, () => noise() + 2);
    const b = Array.from({ length: 9 }, noise);
    const { low, high } = shiftBetween(a, b);
    if (low <= 2 && high >= 2) held += 1;
  }
  expect(held / 1_000).toBeGreaterThanOrEqual(0.94);
  expect(shiftBetween([4, 5, 6], [1, 2, 3]).value).toBe(3);
});
