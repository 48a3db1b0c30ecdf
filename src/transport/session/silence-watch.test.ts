import { expect, test } from "vitest";
import { manualClock } from "../../base/index.ts";
import { SilenceWatch } from "./silence-watch.ts";

test("silence counts only while this process was there to hear something", () => {
  const manual = manualClock();
  let stoodStillMs = 0;
  const clock = { ...manual, monotonicMs: () => manual.monotonicMs() + stoodStillMs };
  let silent = 0;
  const watch = new SilenceWatch(clock, 10_000, () => (silent += 1));
  manual.advance(6_000);
  stoodStillMs = 60_000;
  // The timer comes, late, before what was sent meanwhile is read.
  manual.advance(4_000);
  expect(silent).toBe(0);
  manual.advance(9_999);
  expect(silent).toBe(0);
  watch.heard(clock.monotonicMs());
  manual.advance(9_999);
  expect(silent).toBe(0);
  manual.advance(1);
  expect(silent).toBe(1);
});
