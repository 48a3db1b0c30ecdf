import { expect, test } from "vitest";
import { manualClock } from "../base/index.ts";
import type { Clock, ManualClock } from "../base/index.ts";
import { Liveness } from "./liveness.ts";

/** A clock whose process can stand still: its timers come late, as after SIGSTOP. */
function stoppableClock(): { clock: Clock; manual: ManualClock; standStill: (ms: number) => void } {
  const manual = manualClock();
  let lostMs = 0;
  const clock: Clock = {
    nowMs: () => manual.nowMs() + lostMs,
    monotonicMs: () => manual.monotonicMs() + lostMs,
    setTimer: (delayMs, action) => manual.setTimer(delayMs, action),
  };
  return { clock, manual, standStill: (ms) => void (lostMs += ms) };
}

function watch(clock: Clock): { liveness: Liveness<string>; told: string[] } {
  const told: string[] = [];
  const liveness = new Liveness<string>({
    clock,
    onSilent: (peer) => told.push(`${peer} silent`),
    onHeard: (peer) => told.push(`${peer} heard`),
  });
  return { liveness, told };
}

test("a session that falls silent is told of once, and once more when it is heard again", () => {
  const { clock, manual } = stoppableClock();
  const { liveness, told } = watch(clock);
  liveness.add("a", 2_000);
  liveness.add("b", 2_000);
  for (let count = 0; count < 20; count += 1) {
    manual.advance(2_000);
    liveness.heard("a", true);
    if (count < 5) liveness.heard("b", true);
  }
  expect(told).toEqual(["b silent"]);
  liveness.heard("b", false);
  expect(told).toEqual(["b silent", "b heard"]);
  liveness.remove("a");
  liveness.remove("b");
  expect(manual.pendingTimers).toBe(0);
});

test("a process that stood still suspects nobody for it, and says that it did", () => {
  const { clock, manual, standStill } = stoppableClock();
  const { liveness, told } = watch(clock);
  liveness.add("a", 2_000);
  manual.advance(1_800);
  standStill(60_000);
  expect(liveness.stalledWithin(0)).toBe(true);
  manual.advance(2_000);
  expect(told).toEqual([]);
  expect(liveness.stalledWithin(30_000)).toBe(true);
  // Who stays silent when all are heard again is suspected all the same.
  manual.advance(10_000);
  expect(told).toEqual(["a silent"]);
  manual.advance(30_000);
  expect(liveness.stalledWithin(30_000)).toBe(false);
});
