import { expect, test } from "vitest";
import { manualClock } from "../base/index.ts";
import type { FailurePattern, PlacedEvent } from "../contracts/index.ts";
import { emptyState } from "../scheduler/index.ts";
import { patternWatch } from "./pattern-watch.ts";

const failed = (seq: number) => ({ seq, event: { type: "attempt_finished", failure: {} } }) as PlacedEvent;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A watch whose looks end as `answers` say, one after the other. */
function watching(answers: (() => FailurePattern[])[], clock = manualClock(1_000_000)) {
  const seen = { written: 1, found: 0, troubles: [] as unknown[], sinceMs: [] as number[] };
  const results = {
    applied: () => ({ eventSeq: seen.written, batchSeq: 1 }),
    patterns: async (sinceMs: number) => {
      seen.sinceMs.push(sinceMs);
      return answers.shift()?.() ?? [];
    },
  };
  const watch = patternWatch({
    results: results as never,
    clock,
    onFound: () => (seen.found += 1),
    onTrouble: (error) => seen.troubles.push(error),
  });
  return { watch, clock, seen };
}

test("failures that a look could not tell of are looked at again", async () => {
  const trouble = new Error("no memory");
  const { watch, clock, seen } = watching([
    () => {
      throw trouble;
    },
    () => [{} as FailurePattern],
  ]);
  watch.note(failed(1));
  watch.written(emptyState());
  clock.advance(0);
  await nextTurn();
  expect(seen).toMatchObject({ found: 0, troubles: [trouble] });
  clock.advance(5_000);
  await nextTurn();
  expect(seen).toMatchObject({ found: 1, troubles: [trouble] });
  // Nothing failed since: no more looks.
  expect(clock.pendingTimers).toBe(0);
});

test("a clock that is put back puts off no look", async () => {
  const time = manualClock(10_000_000);
  let backMs = 0;
  const { watch, clock, seen } = watching([], { ...time, nowMs: () => time.nowMs() - backMs });
  for (const [looks, waitMs] of [0, 5_000].entries()) {
    seen.written = looks + 1;
    watch.note(failed(looks + 1));
    watch.written(emptyState());
    clock.advance(waitMs);
    await nextTurn();
    expect(seen.sinceMs).toHaveLength(looks + 1);
    backMs = 3_600_000;
  }
});

test("failures that were not yet written when it looked are looked at once they are", async () => {
  const { watch, clock, seen } = watching([]);
  watch.note(failed(2));
  watch.written(emptyState());
  clock.advance(0);
  seen.written = 2;
  await nextTurn();
  clock.advance(5_000);
  await nextTurn();
  clock.advance(5_000);
  expect(seen.sinceMs).toHaveLength(2);
  expect(clock.pendingTimers).toBe(0);
});
