import { expect, test } from "vitest";
import { requiredSamples, supportsPercentile } from "./percentile-rule.ts";

test.each([
  [0.5, 11],
  [0.9, 64],
  [0.95, 130],
  [0.97, 219],
  [0.99, 662],
  [0.999, 6_636],
])("percentile %d needs %d samples", (probability, expected) => {
  expect(requiredSamples(probability)).toBe(expected);
  expect(supportsPercentile(expected, probability)).toBe(true);
  expect(supportsPercentile(expected - 1, probability)).toBe(false);
});

test("agrees with the binomial tail that the rule is made of", () => {
  // I_p(q − 1, 2) is the probability that at most one of q samples lies above the p-quantile.
  const tail = (count: number, p: number): number => p ** count + count * p ** (count - 1) * (1 - p);
  const count = requiredSamples(0.9);
  expect(tail(count, 0.9)).toBeLessThanOrEqual(0.01);
  expect(tail(count - 1, 0.9)).toBeGreaterThan(0.01);
});

test("refuses 0 and 1, which no number of samples supports", () => {
  expect(() => requiredSamples(1)).toThrow("(0, 1)");
  expect(() => requiredSamples(0)).toThrow("(0, 1)");
});
