import { expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { betaQuantile } from "./beta.ts";
import { medianInterval, rateInterval } from "./exact-intervals.ts";

test("rates are those of SciPy 1.10 (binomtest, exact), and of the beta distribution", () => {
  const { low, high } = rateInterval(7, 50);
  expect([low, high]).toEqual([expect.closeTo(0.05819170033997342, 11), expect.closeTo(0.26739600249700846, 11)]);
  expect(rateInterval(0, 20)).toEqual({ low: 0, high: expect.closeTo(0.16843347098308548, 11) });
  expect(rateInterval(20, 20)).toEqual({ low: expect.closeTo(1 - 0.16843347098308548, 11), high: 1 });
  const quantiles = [0.025, 0.5, 0.975].map((at) => betaQuantile(at, 3.5, 7.2));
  for (const [index, known] of [0.09587157792947289, 0.3159850310079313, 0.6190990895424751].entries())
    expect(quantiles[index]).toBeCloseTo(known, 11);
});

test("an interval of the median lies between the ranks of the binomial table", () => {
  // For ten samples the second and the ninth: P(1 or fewer below) = 0.0107, with 2 it is 0.0547.
  expect(medianInterval([10, 1, 9, 2, 8, 3, 7, 4, 6, 5])).toEqual({ low: 2, high: 9 });
  expect(medianInterval([1, 2, 3, 4, 5])).toBeNull();
  expect(medianInterval([1, 2, 3, 4, 5, 6])).toEqual({ low: 1, high: 6 });
});

test("it holds the median of a skewed distribution at least as often as promised", () => {
  const rng = seededRng(1);
  let held = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const samples = Array.from({ length: 15 }, () => -Math.log(1 - rng.next()));
    const interval = medianInterval(samples);
    if (interval && interval.low <= Math.LN2 && interval.high >= Math.LN2) held += 1;
  }
  expect(held / 2_000).toBeGreaterThanOrEqual(0.94);
});
