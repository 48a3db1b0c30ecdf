import { expect, test } from "vitest";
import { erf, gelu, geluNew } from "./special-functions.ts";

// Abramowitz and Stegun, table 7.1, and 50-digit values rounded to double.
test.each([
  [0, 0],
  [1e-10, 1.1283791670955126e-10],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [5, 0.9999999999984626],
  [7, 1],
])("erf(%d) = %d", (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThanOrEqual(1e-15);
  expect(erf(-x)).toBe(-erf(x));
});

test("the two Gelus agree roughly and differ measurably", () => {
  const difference = Math.max(...[-3, -1, 0.5, 2].map((x) => Math.abs(gelu(x) - geluNew(x))));
  expect(difference).toBeLessThan(1e-3);
  expect(difference).toBeGreaterThan(1e-5);
  expect(gelu(1)).toBeCloseTo(0.8413447460685429, 14);
  expect(geluNew(1)).toBeCloseTo(0.841191990608, 11);
});
