import { describe, expect, test } from "vitest";
import { mean, quantile, standardDeviation } from "./quantiles.ts";

describe("quantile", () => {
  // Values of R: quantile(c(1, 2, 4, 7, 11), p, type = 7).
  test.each([
    [0, 1],
    [0.1, 1.4],
    [0.25, 2],
    [0.5, 4],
    [0.9, 9.4],
    [0.95, 10.2],
    [1, 11],
  ])("type 7 at %d is %d", (probability, expected) => {
    expect(quantile([11, 1, 7, 2, 4], probability)).toBeCloseTo(expected, 12);
  });

  test("one sample is every quantile", () => {
    expect(quantile([3], 0.99)).toBe(3);
  });

  test("leaves its input in order", () => {
    const samples = [3, 1, 2];
    quantile(samples, 0.5);
    expect(samples).toEqual([3, 1, 2]);
  });

  test("refuses no samples, NaN and probabilities outside [0, 1]", () => {
    expect(() => quantile([], 0.5)).toThrow("at least one sample");
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow("NaN");
    expect(() => quantile([1], 1.5)).toThrow("[0, 1]");
  });
});

describe("mean and standard deviation", () => {
  test("known values", () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.138089935299395, 14);
  });

  test("a shift of a billion does not eat the spread", () => {
    expect(standardDeviation([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBeCloseTo(Math.sqrt(30), 9);
  });

  test("one sample has no standard deviation", () => {
    expect(standardDeviation([5])).toBeNull();
  });
});
