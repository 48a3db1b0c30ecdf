import fc from "fast-check";
import { expect, test } from "vitest";
import { flakyProbability } from "./flakiness.ts";

const count = fc.integer({ min: 0, max: 300 });

/** The same posterior by Simpson's rule over the rate of a flaky test, without beta functions. */
function integrated(passes: number, failures: number): number {
  const steps = 20_000;
  let sum = 0;
  for (let step = 0; step <= steps; step += 1) {
    const rate = step / steps;
    const weight = step === 0 || step === steps ? 1 : step % 2 === 1 ? 4 : 2;
    sum += weight * rate ** failures * (1 - rate) ** passes * 9 * (1 - rate) ** 8;
  }
  const flaky = 0.16 * (sum / (3 * steps));
  return flaky / (flaky + 0.84 * 0.001 ** failures * 0.999 ** passes);
}

test("agrees with the integral over all rates", () => {
  for (const [passes, failures] of [
    [0, 0],
    [1, 1],
    [20, 0],
    [100, 1],
    [100, 3],
    [5, 12],
  ] as const)
    expect(flakyProbability({ passes, failures })).toBeCloseTo(integrated(passes, failures), 8);
});

test("without evidence it is the prior; one failure beside a pass on the same code is strong, and long steadiness outweighs it", () => {
  expect(flakyProbability({ passes: 0, failures: 0 })).toBeCloseTo(0.16, 12);
  expect(flakyProbability({ passes: 1, failures: 1 })).toBeGreaterThan(0.9);
  expect(flakyProbability({ passes: 200, failures: 1 })).toBeLessThan(0.1);
  expect(flakyProbability({ passes: 20, failures: 0 })).toBeLessThan(0.06);
});

test("is a probability; a pass never raises it", () => {
  fc.assert(
    fc.property(count, count, (passes, failures) => {
      const before = flakyProbability({ passes, failures });
      expect(before).toBeGreaterThanOrEqual(0);
      expect(before).toBeLessThanOrEqual(1);
      expect(flakyProbability({ passes: passes + 1, failures })).toBeLessThanOrEqual(before);
    }),
  );
});

test("a failure on a code that passes never lowers it, as long as failures are not as rare as the machines'", () => {
  fc.assert(
    fc.property(count, count, (passes, failures) => {
      expect(flakyProbability({ passes, failures: failures + 1 })).toBeGreaterThanOrEqual(
        flakyProbability({ passes, failures }),
      );
    }),
  );
});
