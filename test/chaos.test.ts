import { expect, test } from "vitest";
import { chaos } from "./chaos/chaos.ts";
import { planFaults } from "./chaos/plan.ts";

/** A slice of `npm run chaos`. */
const SLICE_MS = 30_000;
const SEED = 1;

test("the same seed plans the same faults", () => {
  const plan = planFaults(SEED, SLICE_MS);
  expect(planFaults(SEED, SLICE_MS)).toEqual(plan);
  expect(planFaults(SEED, 2 * SLICE_MS).slice(0, plan.length)).toEqual(plan);
  expect(planFaults(SEED + 1, SLICE_MS)).not.toEqual(plan);
  expect(planFaults(SEED, 600_000).length).toBeGreaterThan(220);
});

test(
  "real processes under faults: what was accepted ends once, with one result, and is on record",
  { timeout: 400_000 },
  async () => {
    const { lost, doubled, orphans, surprises, faults, skipped, tasks, results, settled, verified } = await chaos({
      durationMs: SLICE_MS,
      seed: SEED,
    });
    for (const text of skipped) console.log(`skipped: ${text}`);
    expect({ lost, doubled, orphans, surprises }).toEqual({ lost: [], doubled: [], orphans: [], surprises: [] });
    expect({ settled, verified }).toEqual({ settled: true, verified: true });
    expect(Object.values(faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
    expect(tasks).toBeGreaterThan(10);
    expect(results).toBeGreaterThan(0);
  },
);
