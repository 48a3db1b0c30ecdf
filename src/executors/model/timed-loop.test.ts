import { describe, expect, test } from "vitest";
import { seededRng } from "../../base/index.ts";
import type { Clock } from "../../base/index.ts";
import { timedLoop } from "./timed-loop.ts";
import type { LoopPlan } from "./timed-loop.ts";

const plan: LoopPlan = { warmupIterations: 2, iterations: 5, minDurationMs: 0, keep: 3 };

/** An action whose n-th call takes n milliseconds of a clock that only it moves. */
function rig(options: { readonly stepMs?: number; readonly stopAfter?: number } = {}) {
  const state = { nowMs: 0, calls: 0, cancellationPoints: 0 };
  const clock: Clock = {
    nowMs: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    setTimer: () => ({ cancel: () => undefined }),
  };
  return {
    state,
    action: () => {
      state.calls += 1;
      state.nowMs += options.stepMs ?? state.calls;
      return Promise.resolve(state.calls);
    },
    environment: {
      clock,
      rng: seededRng(1),
      cancellationPoint: () => {
        state.cancellationPoints += 1;
        // Time between two iterations must not count.
        state.nowMs += 1_000;
        return state.cancellationPoints === options.stopAfter
          ? Promise.reject(new Error("cancelled"))
          : Promise.resolve();
      },
    },
  };
}

describe("timedLoop", () => {
  test("times the action alone, without warm-up and without what is between", async () => {
    const { action, environment, state } = rig();
    const { samplesMs } = await timedLoop(action, plan, environment);
    expect(samplesMs).toEqual([3, 4, 5, 6, 7]);
    expect(state.cancellationPoints).toBe(7);
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
    for (let seed = 0; seed < 600; seed += 1) {
      const { action, environment } = rig();
      const { kept } = await timedLoop(action, { ...plan, iterations: 12 }, { ...environment, rng: seededRng(seed) });
      expect(kept).toHaveLength(3);
      for (const call of kept) counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 3));
    // 600 · 3 / 12 = 150 each, standard deviation about 11.
    for (const count of counts.values()) expect(Math.abs(count - 150)).toBeLessThan(60);
  });

  test("stops at a point of cancellation that throws", async () => {
    const { action, environment, state } = rig({ stopAfter: 4 });
    await expect(timedLoop(action, plan, environment)).rejects.toThrow("cancelled");
    expect(state.calls).toBe(4);
  });
});
