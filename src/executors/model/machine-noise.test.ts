import { expect, test } from "vitest";
import { NoiseBudget, noiseReason, quietest, spreadOf } from "./machine-noise.ts";

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

test("noise costs no more time than the measurements took, nor than its limit", () => {
  const steady = new NoiseBudget(Number.POSITIVE_INFINITY);
  for (const tookMs of [100.1, 200.7, 0.3]) {
    steady.measured(tookMs);
    expect([steady.again(tookMs), steady.again(tookMs)]).toEqual([0, undefined]);
  }
  // What quiet measurements left is there for a noisy one.
  steady.measured(1_000);
  steady.measured(300);
  expect([steady.again(300), steady.again(300), steady.again(300)]).toEqual([300, 300, undefined]);
  const limited = new NoiseBudget(1_500);
  limited.measured(1_000);
  expect(limited.again(1_000)).toBe(0);
  limited.measured(1_000);
  expect(limited.again(1_000)).toBeUndefined();
});

test("a long measurement is not waited for as long", () => {
  const budget = new NoiseBudget(Number.POSITIVE_INFINITY);
  budget.measured(1_000_000);
  budget.measured(60_000);
  expect(budget.again(60_000)).toBe(30_000);
});
