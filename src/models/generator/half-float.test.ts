import { expect, test } from "vitest";
import { halfFloatBits } from "./half-float.ts";

// IEEE 754 binary16: 1 sign bit, 5 of exponent, 10 of mantissa.
test.each([
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [65_504, 0x7bff],
  [65_519, 0x7bff],
  [65_520, 0x7c00],
  [-Infinity, 0xfc00],
  [NaN, 0x7e00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [2 ** -25 * 1.01, 0x0001],
  [1 / 3, 0x3555],
  // Half-way between two: the even one.
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  // Rounding up carries into the exponent.
  [2 - 2 ** -12, 0x4000],
])("%d is %i", (value, bits) => {
  expect(halfFloatBits(value)).toBe(bits);
});
