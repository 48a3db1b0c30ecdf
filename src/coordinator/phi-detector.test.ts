import fc from "fast-check";
import { expect, test } from "vitest";
import { PHI_THRESHOLD, PhiDetector } from "./phi-detector.ts";

/** A detector that has seen beats at these intervals, and when the last one came. */
function seen(intervals: readonly number[], expectedMs: number): { detector: PhiDetector; nowMs: number } {
  const detector = new PhiDetector(expectedMs, 0);
  let nowMs = 0;
  for (const one of intervals) detector.beat((nowMs += one));
  return { detector, nowMs };
}

const intervals = fc.array(fc.integer({ min: 500, max: 4_500 }), { maxLength: 300 });

test("suspicion never falls while nothing is heard, is none within the usual interval, and passes every threshold in the end", () => {
  fc.assert(
    fc.property(intervals, (list) => {
      const { detector, nowMs } = seen(list, 2_000);
      let before = 0;
      for (let silentMs = 0; silentMs <= 60_000; silentMs += 500) {
        const phi = detector.phi(nowMs + silentMs);
        expect(phi).toBeGreaterThanOrEqual(before);
        before = phi;
      }
      expect(detector.phi(nowMs + 4_500)).toBeLessThan(PHI_THRESHOLD);
      expect(before).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});

test("the steadier the beats, the earlier the suspicion; at the defaults it comes before a worker is lost", () => {
  const firstMs = (list: number[]): number => {
    const { detector, nowMs } = seen(list, 2_000);
    for (let silentMs = 0; ; silentMs += 10) if (detector.phi(nowMs + silentMs) >= PHI_THRESHOLD) return silentMs;
  };
  const steady = firstMs(Array.from({ length: 100 }, () => 2_000));
  const uneven = firstMs(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 1_000 : 3_000)));
  expect(steady).toBeLessThan(uneven);
  // The mean, the pause, and 5.6 deviations of at least 100 ms.
  expect(steady).toBeGreaterThan(5_000);
  expect(steady).toBeLessThan(6_000);
  expect(firstMs([])).toBeLessThan(10_000);
});

test("an outage does not become the usual interval, and the silence of a time that is excused does not count", () => {
  const { detector, nowMs } = seen([2_000, 2_000, 60_000, 2_000], 2_000);
  expect(detector.phi(nowMs + 10_000)).toBeGreaterThan(PHI_THRESHOLD);
  detector.excuse(8_000);
  expect(detector.silentMs(nowMs + 10_000)).toBe(2_000);
  expect(detector.phi(nowMs + 10_000)).toBeLessThan(1);
});
