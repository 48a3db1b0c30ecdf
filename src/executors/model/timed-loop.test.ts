import { describe, expect, test } from "vitest";
import { seededRng } from "../../base/index.ts";
import { timedLoop } from "./timed-loop.ts";
import type { LoopPlan } from "./timed-loop.ts";

const plan: LoopPlan = { warmupIterations: 2, iterations: 5, minDurationMs: 0, keep: 3 };

/** An action whose n-th call says that it took n milliseconds, and gives its number until the next call. */
function rig(options: { readonly stepMs?: number; readonly stopAfter?: number } = {}) {
  const state = { calls: 0, fetched: 0, cancellationPoints: 0, warmAfter: -1 };
  return {
    state,
    action: () => {
      state.calls += 1;
      const call = state.calls;
      const outputs = (): Promise<number> => {
        if (state.calls !== call) return Promise.reject(new Error(`the outputs of call ${call} are gone`));
        state.fetched += 1;
        return Promise.resolve(call);
      };
      return Promise.resolve({ elapsedMs: options.stepMs ?? call, outputs });
    },
    environment: {
      rng: seededRng(1),
      onWarm: () => void (state.warmAfter = state.calls),
      cancellationPoint: () => {
        state.cancellationPoints += 1;
        return state.cancellationPoints === options.stopAfter
          ? Promise.reject(new Error("cancelled"))
          : Promise.resolve();
      },
    },
  };
}

describe("timedLoop", () => {
  test("takes the times that the action tells, without warm-up", async () => {
    const { action, environment, state } = rig();
    const { samplesMs } = await timedLoop(action, plan, environment);
    expect(samplesMs).toEqual([3, 4, 5, 6, 7]);
    expect(state.cancellationPoints).toBe(7);
    expect(state.warmAfter).toBe(2);
  });

  test("goes on until the duration is reached, too", async () => {
    const { action, environment } = rig({ stepMs: 10 });
    const { samplesMs } = await timedLoop(action, { ...plan, minDurationMs: 95 }, environment);
    expect(samplesMs).toHaveLength(10);
  });

  test("ends at 100,000 samples when only the duration asks for more, not when the count does", async () => {
    const many = rig({ stepMs: 0.001 });
    const byDuration = await timedLoop(many.action, { ...plan, minDurationMs: 1e9 }, many.environment);
    expect(byDuration.samplesMs).toHaveLength(100_000);
    const counted = rig({ stepMs: 0.001 });
    const byCount = await timedLoop(counted.action, { ...plan, iterations: 100_001 }, counted.environment);
    expect(byCount.samplesMs).toHaveLength(100_001);
  });

  test("keeps results of timed iterations only, late ones as often as early ones", async () => {
    const counts = new Map<number, number>();
    let fetched = 0;
    for (let seed = 0; seed < 600; seed += 1) {
      const { action, environment, state } = rig();
      const { kept } = await timedLoop(action, { ...plan, iterations: 12 }, { ...environment, rng: seededRng(seed) });
      expect(kept).toHaveLength(3);
      fetched += state.fetched;
      for (const call of kept) counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 3));
    // Iteration n > 3 is kept with probability 3 / n: 3 + 3/4 + … + 3/12 = 6.8 fetched of 12.
    expect(fetched / 600).toBeCloseTo(6.8, 0);
    // 600 · 3 / 12 = 150 each, standard deviation about 11.
    for (const count of counts.values()) expect(Math.abs(count - 150)).toBeLessThan(60);
  });

  test("stops at a point of cancellation that throws", async () => {
    const { action, environment, state } = rig({ stopAfter: 4 });
    await expect(timedLoop(action, plan, environment)).rejects.toThrow("cancelled");
    expect(state.calls).toBe(4);
  });
});
