import { expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { trendOf } from "./trend.ts";

const values = [2.1, 2.9, 3.2, 3.1, 4.6, 4.4, 5.1, 5.0, 6.3, 5.9, 7.2, 6.8, 7.7, 8.8, 8.1, 9.5, 9.2, 10.4, 10.1, 11.3];
const points = (of: readonly number[]) => of.map((value, at) => ({ at, value }));

test("slope, tau and interval are SciPy's (theilslopes, kendalltau)", () => {
  const trend = trendOf(points(values));
  expect(trend?.slope).toBeCloseTo(0.46, 12);
  expect(trend?.tau).toBeCloseTo(0.9157894736842106, 12);
  expect(Math.abs((trend?.interval.low ?? 0) - 0.43125)).toBeLessThan(0.01);
  expect(Math.abs((trend?.interval.high ?? 0) - 0.4928571428571429)).toBeLessThan(0.01);
  expect(trend?.p).toBeLessThan(1e-6);
  expect([trendOf(points([1, 2, 3])), trendOf(points([5, 5, 5, 5]))?.p]).toEqual([null, 1]);
});

test("autocorrelated noise is called a trend about as seldom as promised", () => {
  const rng = seededRng(11);
  const called = { white: 0, autocorrelated: 0 };
  const rounds = 400;
  for (let round = 0; round < rounds; round += 1) {
    let last = 0;
    const white: number[] = [];
    const autocorrelated: number[] = [];
    for (let at = 0; at < 60; at += 1) {
      const noise = rng.next() + rng.next() + rng.next() - 1.5;
      last = 0.5 * last + noise;
      white.push(noise);
      autocorrelated.push(last);
    }
    if ((trendOf(points(white))?.p ?? 1) < 0.05) called.white += 1;
    if ((trendOf(points(autocorrelated))?.p ?? 1) < 0.05) called.autocorrelated += 1;
  }
  expect(called.white / rounds).toBeLessThan(0.08);
  // Without the correction it is one in four.
  expect(called.autocorrelated / rounds).toBeLessThan(0.18);
});
