import fc from "fast-check";
import { expect, test } from "vitest";
import { SHARE_PER_POINT, boundMs, scoreOf } from "./fairness.ts";
import { AGEING_MS_PER_POINT, rankOf } from "./priority.ts";

const facts = fc.record({
  running: fc.integer({ min: 0, max: 1_000 }),
  weight: fc.integer({ min: 1, max: 100 }),
  topPriority: fc.integer({ min: 0, max: 100 }),
});

test("the order is that of (running + 1) / weight · b^-(priority + waited), at any time", () => {
  const obvious = (one: { running: number; weight: number; topPriority: number }, waitedMs: number): number =>
    (one.running + 1) / one.weight / SHARE_PER_POINT ** (one.topPriority + waitedMs / AGEING_MS_PER_POINT);
  const waits = fc.integer({ min: 0, max: 100_000 });
  fc.assert(
    fc.property(facts, facts, fc.tuple(waits, waits), (a, b, [waitedA, waitedB]) => {
      const nowMs = 1_000_000;
      const left = scoreOf({ ...a, servedAtMs: nowMs - waitedA });
      const right = scoreOf({ ...b, servedAtMs: nowMs - waitedB });
      if (Math.abs(left - right) < 1e-9) return;
      expect(left < right).toBe(obvious(a, waitedA) < obvious(b, waitedB));
    }),
  );
});

test("a sibling that was served more than the bound later comes after, one that was served less comes before", () => {
  fc.assert(
    fc.property(facts, facts, (node, other) => {
      const bound = boundMs(node, other);
      expect(bound).toBeGreaterThanOrEqual(0);
      const score = scoreOf({ ...node, servedAtMs: 0 });
      expect(scoreOf({ ...other, servedAtMs: bound + 1 })).toBeGreaterThan(score);
      if (bound > 1) expect(scoreOf({ ...other, servedAtMs: bound - 1 })).toBeLessThan(score);
    }),
  );
});

test("no later task overtakes one for longer than its lack of priority is worth", () => {
  const priority = fc.integer({ min: 0, max: 100 });
  const time = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(priority, priority, time, (mine, other, sinceMs) => {
      const laterMs = sinceMs + (100 - mine + 1) * AGEING_MS_PER_POINT;
      expect(rankOf(mine, sinceMs)).toBeLessThanOrEqual(rankOf(other, laterMs));
    }),
  );
});
