import { expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { mean, quantile } from "./quantiles.ts";

const samples = [12.1, 9.8, 11.4, 10.2, 15.9, 10.7, 9.9, 13.3, 11.0, 10.4, 10.9, 12.6, 24.0, 10.1, 11.7];

test("the interval of a skewed mean is SciPy's (bootstrap, BCa), up to the draw", () => {
  const interval = bootstrapInterval(samples, mean, { rng: seededRng(1), resamples: 20_000 });
  expect(interval?.low).toBeCloseTo(11.1, 0.5);
  expect(Math.abs((interval?.low ?? 0) - 11.1)).toBeLessThan(0.1);
  expect(Math.abs((interval?.high ?? 0) - 15.27)).toBeLessThan(0.25);
});

test("the same seed gives the same interval; without spread it is a point; few samples give none", () => {
  const median = (values: readonly number[]): number => quantile(values, 0.5);
  const twice = [1, 2].map(() => bootstrapInterval(samples, median, { rng: seededRng(7) }));
  expect(twice[0]).toEqual(twice[1]);
  expect(bootstrapInterval([3, 3, 3, 3, 3], mean, { rng: seededRng(1) })).toEqual({ low: 3, high: 3 });
  expect(bootstrapInterval([1, 2, 3, 4], mean, { rng: seededRng(1) })).toBeNull();
});
