import { expect, test } from "vitest";
import { manualClock } from "./manual-clock.ts";

test("time stands still until it is moved", () => {
  const clock = manualClock(1_000);
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_000, 0]);
  clock.advance(250);
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_250, 250]);
});

test("timers run in order, each at its own time, also those set on the way", () => {
  const clock = manualClock();
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name}@${clock.monotonicMs()}`);
  clock.setTimer(20, note("late"));
  clock.setTimer(10, note("first"));
  clock.setTimer(10, () => clock.setTimer(5, note("inner")));
  clock.setTimer(10, note("second"));
  clock.advance(19);
  expect(seen).toEqual(["first@10", "second@10", "inner@15"]);
  expect(clock.pendingTimers).toBe(1);
  clock.advance(1);
  expect(seen.at(-1)).toBe("late@20");
});

test("a cancelled timer never runs", () => {
  const clock = manualClock();
  const timer = clock.setTimer(10, () => expect.unreachable());
  timer.cancel();
  expect(clock.pendingTimers).toBe(0);
  clock.advance(100);
});
