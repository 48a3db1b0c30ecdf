import { describe, expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { anomalies } from "./anomalies.ts";
import { changePoints } from "./change-points.ts";
import { lagOneCorrelation, prewhitened } from "./prewhitening.ts";
import { normalNoise } from "./noise-acceptance.ts";
import { newestStep } from "./newest-step.ts";

/** Noise of deviation 1 around 100; `phi` is its autocorrelation. */
function series(seed: number, count: number, { phi = 0, step = 0, at = count } = {}): number[] {
  const noise = normalNoise(seed);
  let last = 0;
  return Array.from({ length: count }, (_, index) => {
    last = phi * last + Math.sqrt(1 - phi ** 2) * noise();
    return 100 + last + (index >= at ? step : 0);
  });
}

describe("change points", () => {
  test("two steps are found where they are, with their levels", () => {
    const values = series(1, 90).map((value, index) => value + (index >= 30 ? 4 : 0) - (index >= 60 ? 7 : 0));
    const found = changePoints(values, { rng: seededRng(1) });
    expect(found.length).toBe(2);
    for (const [order, index] of [30, 60].entries())
      expect(Math.abs((found[order]?.index ?? 0) - index)).toBeLessThanOrEqual(1);
    const [up, down] = found;
    expect(up?.after).toBeCloseTo(104, 0);
    expect(down?.after).toBeCloseTo(97, 0);
    expect(up?.after).toBe(down?.before);
    expect(found.every(({ p }) => p > 0 && p <= 0.001)).toBe(true);
  });

  test("a spike is none, and neither is a step smaller than what counts", () => {
    const spike = series(2, 60).with(30, 130);
    expect(changePoints(spike, { rng: seededRng(1) })).toEqual([]);
    const step = series(3, 80, { step: 3, at: 40 });
    expect(changePoints(step, { rng: seededRng(1) }).length).toBe(1);
    expect(changePoints(step, { rng: seededRng(1), leastChange: 0.1 })).toEqual([]);
  });

  test("stationary noise, autocorrelated or not, has one as seldom as promised", () => {
    const rounds = 200;
    for (const phi of [0, 0.5]) {
      let found = 0;
      for (let seed = 0; seed < rounds; seed += 1)
        if (changePoints(series(seed, 50, { phi }), { rng: seededRng(seed), alpha: 0.05 }).length > 0) found += 1;
      // The autocorrelation is estimated, so it is not quite as seldom where there is one.
      expect(found / rounds).toBeLessThan(phi === 0 ? 0.08 : 0.16);
    }
  });
});

describe("the newest step", () => {
  test("two deviations are found within five values, from either side", () => {
    let found = 0;
    const rounds = 400;
    for (let seed = 0; seed < rounds; seed += 1) {
      const step = seed % 2 === 0 ? 2 : -2;
      const values = series(seed, 65, { step, at: 60 });
      const first = [1, 2, 3, 4, 5].find((after) => newestStep(values.slice(0, 60 + after)) !== null);
      if (first !== undefined) found += 1;
    }
    expect(found / rounds).toBeGreaterThan(0.65);
    const step = newestStep(series(5, 64, { step: 6, at: 60 }));
    expect(step?.index).toBe(60);
    expect(step?.after).toBeGreaterThan(104);
  });

  test("steady noise raises an alarm as seldom as promised", () => {
    let alarms = 0;
    let values = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      const all = series(seed, 100);
      for (let count = 40; count <= 100; count += 1) {
        values += 1;
        if (newestStep(all.slice(0, count), { falseAlarms: 0.01 }) !== null) alarms += 1;
      }
    }
    // One alarm lasts for a few values.
    expect(alarms / values).toBeLessThan(0.03);
  });

  test("a spike alone is none, and a short history says nothing", () => {
    expect(newestStep(series(6, 40).with(39, 500))).toBeNull();
    expect(newestStep([1, 1, 1, 9, 9])).toBeNull();
    expect(newestStep(Array.from({ length: 30 }, () => 5))).toBeNull();
    expect(newestStep([...Array.from({ length: 30 }, () => 5), 6, 6, 6])).toMatchObject({ after: 6 });
  });
});

test("autocorrelation is estimated over steps, and taken out without moving the level", () => {
  const estimates = Array.from({ length: 50 }, (_, seed) =>
    lagOneCorrelation(series(seed, 200, { phi: 0.6, step: 20, at: 90 })),
  );
  const middle = estimates.reduce((sum, one) => sum + one, 0) / estimates.length;
  expect(Math.abs(middle - 0.6)).toBeLessThan(0.15);
  expect(lagOneCorrelation(series(1, 20, { phi: 0.9 }))).toBe(0);
  const white = prewhitened([10, 10, 10, 20, 20], 0.5);
  expect(white).toEqual([10, 10, 10, 30, 20]);
});

describe("anomalies", () => {
  test("a spike is one, a level that stays is not for long", () => {
    const values = series(8, 80).with(50, 112);
    expect(anomalies(values).map(({ index }) => index)).toContain(50);
    const stepped = anomalies(series(9, 120, { step: 8, at: 60 })).map(({ index }) => index);
    expect(stepped).toContain(60);
    expect(Math.max(...stepped)).toBeLessThan(60 + 30);
  });

  test("a season is expected when its period is known", () => {
    const values = series(10, 84).map((value, day) => value + (day % 7 >= 5 ? 30 : 0));
    const spiked = values.with(80, (values[80] ?? 0) + 15);
    expect(anomalies(spiked, { period: 7 }).map(({ index }) => index)).toContain(80);
    expect(anomalies(values, { period: 7, threshold: 5 })).toEqual([]);
  });
});
