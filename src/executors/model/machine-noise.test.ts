import { expect, test } from "vitest";
import { noiseReason, quietest, spreadOf } from "./machine-noise.ts";

test("the spread is the coefficient of variation of a normal distribution", () => {
  // Quantiles of a normal distribution with mean 10 and standard deviation 2: its quartiles lie 0.6745 deviations from the mean.
  const samples = [
    ...Array<number>(10).fill(10 - 2 * 0.6745),
    ...Array<number>(10).fill(10),
    ...Array<number>(10).fill(10 + 2 * 0.6745),
  ];
  expect(spreadOf(samples)).toBeCloseTo(0.2, 3);
});

test("one iteration a thousand times as long does not count, too few samples say nothing", () => {
  expect(spreadOf([...Array<number>(30).fill(1), 1_000])).toBe(0);
  expect(spreadOf(Array<number>(19).fill(1))).toBeNull();
});

test("what is noise, and which round has the least of it", () => {
  expect(noiseReason({ spread: 0.1, othersLoad: 0.1 })).toBeUndefined();
  expect(noiseReason({ spread: null, othersLoad: null })).toBeUndefined();
  expect(noiseReason({ spread: 0.3, othersLoad: 0.1 })).toBe("noisy_timing");
  expect(noiseReason({ spread: 0.3, othersLoad: 0.9 })).toBe("busy_machine");
  expect(
    quietest([
      { spread: 0.5, othersLoad: 0.1 },
      { spread: 0.1, othersLoad: 0.2 },
      { spread: 0.1, othersLoad: 0.9 },
    ]),
  ).toBe(1);
});
