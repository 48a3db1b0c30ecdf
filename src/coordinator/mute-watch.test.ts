import { expect, test } from "vitest";
import { manualClock } from "../base/index.ts";
import type { MutedEvidence, PlacedEvent } from "../contracts/index.ts";
import { emptyState, evolve } from "../scheduler/index.ts";
import { muteWatch } from "./mute-watch.ts";

const ended = (seq: number, ...tests: object[]) =>
  ({ seq, event: { type: "attempt_finished", result: { tests } } }) as PlacedEvent;

test("results of muted tests, and no others, are reason to ask what all muted tests have shown", async () => {
  const state = emptyState();
  for (const testId of ["a", "b"]) {
    const about = { muteId: testId, test: { framework: "pytest" as const, directory: ".", testId } };
    evolve(state, { type: "test_muted", ...about, owner: "o", reason: "r", untilMs: null, by: "me" }, 1);
  }
  const evidence = { runs: 1, passes: 1, failures: 0, flaky_probability: 0.1 };
  const found: MutedEvidence[][] = [];
  const asked: (readonly { sinceSeq: number }[])[] = [];
  const clock = manualClock(1_000);
  const watch = muteWatch({
    clock,
    results: {
      applied: () => ({ eventSeq: 9, batchSeq: 9 }),
      evidenceSince: async (tests) => (asked.push(tests), tests.map(() => evidence)),
    },
    onEvidence: (tests) => found.push(tests),
    onTrouble: (error) => expect.fail(String(error)),
  });
  const write = async (): Promise<void> => {
    watch.written(state);
    clock.advance(5_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  watch.note(ended(8, { id: "a" }));
  await write();
  expect(found).toEqual([]);
  watch.note(ended(9, { id: "x" }, { id: "a", muted: true }));
  await write();
  await write();
  expect(found).toEqual([
    [
      { muteId: "a", evidence },
      { muteId: "b", evidence },
    ],
  ]);
  expect(asked[0]?.map(({ sinceSeq }) => sinceSeq)).toEqual([1, 2]);
  await watch.stop();
});
