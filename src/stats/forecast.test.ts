import { expect, test } from "vitest";
import { forecast } from "./forecast.ts";
import { normalNoise } from "./noise-acceptance.ts";

test("a level, a trend and a season are told apart, and go on", () => {
  const flat = normalNoise(1);
  const level = forecast(
    Array.from({ length: 60 }, () => 50 + flat()),
    { steps: 3 },
  );
  expect(level?.points.every(({ value }) => Math.abs(value - 50) < 1.5)).toBe(true);
  const rising = normalNoise(2);
  const trend = forecast(
    Array.from({ length: 60 }, (_, at) => 10 + 2 * at + rising()),
    { steps: 5 },
  );
  expect(trend?.model).toBe("damped_trend");
  expect(trend?.points[0]?.value).toBeCloseTo(130, -1);
  expect(trend?.points[4]?.value).toBeGreaterThan(134);
  const weekly = normalNoise(3);
  const season = forecast(
    Array.from({ length: 70 }, (_, day) => 20 + (day % 7 === 6 ? 15 : 0) + weekly()),
    {
      steps: 7,
      period: 7,
    },
  );
  expect(season?.model).toMatch(/season/);
  const values = season?.points.map(({ value }) => value) ?? [];
  expect(values.indexOf(Math.max(...values))).toBe(6);
  expect(forecast([1, 2, 3], { steps: 1 })).toBeNull();
});

test("intervals widen with the distance and hold about as often as promised", () => {
  let held80 = 0;
  let held95 = 0;
  const rounds = 300;
  for (let seed = 0; seed < rounds; seed += 1) {
    const next = normalNoise(seed);
    let level = 100;
    const values = Array.from({ length: 61 }, () => (level += 0.5 * next()) + next());
    const point = forecast(values.slice(0, 60), { steps: 1 })?.points[0];
    const truth = values[60] ?? 0;
    if (point && point.interval80.low <= truth && truth <= point.interval80.high) held80 += 1;
    if (point && point.interval95.low <= truth && truth <= point.interval95.high) held95 += 1;
  }
  expect(Math.abs(held80 / rounds - 0.8)).toBeLessThan(0.07);
  expect(Math.abs(held95 / rounds - 0.95)).toBeLessThan(0.05);
  const points =
    forecast(
      Array.from({ length: 30 }, (_, at) => at + normalNoise(at)()),
      { steps: 4 },
    )?.points ?? [];
  const widths = points.map(({ interval95: { low, high } }) => high - low);
  expect(widths).toEqual(widths.toSorted((a, b) => a - b));
});
