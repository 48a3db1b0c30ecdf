import { expect, test } from "vitest";
import { hedgesG } from "./effect-size.ts";
import { holmAdjusted } from "./holm.ts";
import { samplesNeeded } from "./power.ts";

test("adjusted p-values are those of statsmodels (multipletests, holm), in the input's order", () => {
  const adjusted = holmAdjusted([0.01, 0.04, 0.03, 0.005, 0.6]);
  for (const [index, p] of [0.04, 0.09, 0.09, 0.025, 0.6].entries()) expect(adjusted[index]).toBeCloseTo(p, 12);
  expect(holmAdjusted([])).toEqual([]);
});

test("samples needed are those of statsmodels (TTestIndPower), rounded up", () => {
  // By effect in deviations: 393.4, 63.8, 25.5 and 8.06.
  for (const [effect, needed] of [
    [0.2, 394],
    [0.5, 64],
    [0.8, 26],
    [1.5, 9],
  ] as const)
    expect(Math.abs(samplesNeeded({ deviation: 1, effect }) - needed)).toBeLessThanOrEqual(1);
  expect(samplesNeeded({ deviation: 0.03, effect: 0.01 })).toBe(samplesNeeded({ deviation: 3, effect: 1 }));
  expect([samplesNeeded({ deviation: 1, effect: 0 }), samplesNeeded({ deviation: 0, effect: 1 })]).toEqual([
    Infinity,
    2,
  ]);
});

test("an effect counts deviations, less for few samples, and has a sign", () => {
  // Means 5 and 3, both deviations 1: d = 2, corrected by 1 - 3/15.
  expect(hedgesG([4, 5, 6], [2, 3, 4])).toBeCloseTo(2 * (1 - 3 / 15), 12);
  expect(hedgesG([2, 3, 4], [4, 5, 6])).toBeLessThan(0);
  expect([hedgesG([1], [1, 2]), hedgesG([1, 1], [1, 1])]).toEqual([null, null]);
});
