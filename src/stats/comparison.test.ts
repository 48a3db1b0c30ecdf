import { expect, test } from "vitest";
import { compareAll, compareSamples } from "./comparison.ts";
import { normalNoise } from "./noise-acceptance.ts";

function latencies(seed: number, count: number, { level = 10, spread = 0.02 } = {}): number[] {
  const noise = normalNoise(seed);
  return Array.from({ length: count }, () => level * Math.exp(spread * noise()));
}

test("a change is worse or better by what counts as good, with its size and interval", () => {
  const before = latencies(1, 12);
  const after = latencies(2, 12, { level: 11 });
  const worse = compareSamples({ before, after, better: "lower" });
  expect(worse).toMatchObject({ verdict: "worse", method: "rank-sum", countBefore: 12, countAfter: 12, needed: null });
  expect(worse.change).toBeCloseTo(0.1, 1);
  expect(worse.interval?.low).toBeGreaterThan(0.05);
  expect(compareSamples({ before, after, better: "higher" }).verdict).toBe("better");
  expect(compareSamples({ before: before.slice(0, 4), after: after.slice(0, 4), better: "lower" })).toMatchObject({
    verdict: "worse",
    method: "welch",
  });
});

test("the same is told only when the interval is within what counts, else how many samples would tell", () => {
  const steady = compareSamples({
    before: latencies(3, 40, { spread: 0.005 }),
    after: latencies(4, 40, { spread: 0.005 }),
    better: "lower",
  });
  expect(steady.verdict).toBe("same");
  const noisy = compareSamples({
    before: latencies(5, 5, { spread: 0.2 }),
    after: latencies(6, 5, { spread: 0.2 }),
    better: "lower",
  });
  expect(noisy.verdict).toBe("cannot_tell_yet");
  expect(noisy.needed).toBeGreaterThan(5);
  expect(compareSamples({ before: [1], after: [2], better: "lower" })).toMatchObject({
    verdict: "cannot_tell_yet",
    needed: null,
  });
  expect(compareSamples({ before: [], after: [1], better: "lower" }).verdict).toBe("cannot_tell_yet");
});

test("many comparisons of equal sides raise hardly an alarm among all of them", () => {
  let alarms = 0;
  for (let round = 0; round < 60; round += 1) {
    const all = Array.from({ length: 20 }, (_, index) => ({
      before: latencies(round * 100 + index, 10, { spread: 0.05 }),
      after: latencies(round * 100 + 50 + index, 10, { spread: 0.05 }),
      better: "lower" as const,
    }));
    if (compareAll(all).some(({ verdict }) => verdict === "worse" || verdict === "better")) alarms += 1;
  }
  expect(alarms / 60).toBeLessThanOrEqual(0.1);
});

test("values that may be negative or zero are compared too, and a level of zero has no relative change", () => {
  expect(compareSamples({ before: [-1, 0, 1, 0.5], after: [9, 10, 11, 10.5], better: "higher" }).verdict).toBe(
    "better",
  );
  expect(compareSamples({ before: [0, 0, 0, 0], after: [1, 1, 1, 1], better: "lower" })).toMatchObject({
    change: null,
    verdict: "cannot_tell_yet",
  });
});
