import { expect, test } from "vitest";
import { normalQuantile, normalTail } from "./normal.ts";

test("tails are those of SciPy 1.10 (norm.sf), far out too", () => {
  const known = [
    [0.5, 0.3085375387259869],
    [1, 0.15865525393145707],
    [1.959963984540054, 0.025],
    [5, 2.866515718791933e-7],
    [10, 7.61985302416047e-24],
    [20, 2.7536241186061556e-89],
  ] as const;
  for (const [z, tail] of known) {
    expect(normalTail(z) / tail).toBeCloseTo(1, 12);
    expect(normalTail(-z)).toBeCloseTo(1 - tail, 12);
  }
  expect([normalTail(0), normalTail(100)]).toEqual([0.5, 0]);
});

test("quantiles are those of SciPy 1.10 (norm.ppf)", () => {
  const known = [
    [1e-10, -6.361340902404056],
    [0.01, -2.3263478740408408],
    [0.3, -0.5244005127080409],
    [0.975, 1.959963984540054],
  ] as const;
  for (const [probability, z] of known) expect(normalQuantile(probability)).toBeCloseTo(z, 11);
  expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
  expect(() => normalQuantile(1)).toThrow("between 0 and 1");
});
