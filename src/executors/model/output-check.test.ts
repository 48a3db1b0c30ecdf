import { describe, expect, test } from "vitest";
import { compare, insanity } from "./output-check.ts";

describe("compare", () => {
  test("largest difference and cosine", () => {
    expect(compare([1, 0], [1, 0.5])).toEqual({ maxAbsError: 0.5, cosine: 1 / Math.sqrt(1.25) });
    expect(compare([3, 4], [3, 4])).toEqual({ maxAbsError: 0, cosine: 1 });
  });

  test("a permutation, which leaves the mean as it is, is seen", () => {
    expect(compare([1, 2, 3], [3, 2, 1]).maxAbsError).toBe(2);
  });

  test.each([
    ["NaN", [Number.NaN, 1], [0, 1]],
    ["infinity", [Infinity, 1], [0, 1]],
    ["two infinities", [Infinity, 1], [Infinity, 1]],
    ["NaN after a finite difference", [5, Number.NaN], [0, 1]],
    ["another length", [1], [1, 2]],
  ])("%s is infinitely wrong", (_name, actual, expected) => {
    expect(compare(actual, expected).maxAbsError).toBe(Infinity);
  });
});

test.each([
  [[1, Number.NaN], "holds NaN (at 1)"],
  [[-Infinity, 1], "holds -Infinity (at 0)"],
  [[0, 0, 0], "is all zero"],
  [[2, 2], "is 2 everywhere"],
  [[], "is empty"],
  [[1, 2], undefined],
  [[7], undefined],
])("insanity(%j) is %s", (output, expected) => {
  expect(insanity(output)).toBe(expected);
});
