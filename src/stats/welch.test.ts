import { expect, test } from "vitest";
import { normalNoise } from "./noise-acceptance.ts";
import { meanInterval, welchTest } from "./welch.ts";

function normals(seed: number, count: number, spread = 1): number[] {
  const noise = normalNoise(seed);
  return Array.from({ length: count }, () => spread * noise());
}

test("a published example: unequal sizes and spreads", () => {
  // Rosetta Code, "Welch's t-test", whose p was checked against R.
  expect(welchTest([3.0, 4.0, 1.0, 2.1], [490.2, 340.0, 433.9])?.p).toBeCloseTo(0.010751561149784485, 10);
});

test("equal distributions are called different as often as promised", () => {
  let called = 0;
  const tries = 4_000;
  for (let seed = 0; seed < tries; seed += 1) {
    if ((welchTest(normals(2 * seed, 5), normals(2 * seed + 1, 5, 3))?.p ?? 1) < 0.05) called += 1;
  }
  expect(called / tries).toBeGreaterThan(0.03);
  expect(called / tries).toBeLessThan(0.06);
});

test("the interval of a mean holds it as often as promised", () => {
  let held = 0;
  const tries = 4_000;
  for (let seed = 0; seed < tries; seed += 1) {
    const interval = meanInterval(normals(seed, 4));
    if (interval && interval.low <= 0 && interval.high >= 0) held += 1;
  }
  expect(held / tries).toBeCloseTo(0.95, 1.5);
  expect(meanInterval([1, 2])).toBeNull();
});

test("without any spread two sides differ surely or not at all", () => {
  expect(welchTest([1, 1], [1, 1])?.p).toBe(1);
  expect(welchTest([1, 1], [2, 2])?.p).toBe(0);
  expect(welchTest([1], [2, 2])).toBeNull();
});
