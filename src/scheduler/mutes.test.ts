import { expect, test } from "vitest";
import { MAX_MUTES } from "../contracts/index.ts";
import type { Mute, PlacedEvent } from "../contracts/index.ts";
import { flakyProbability } from "../stats/index.ts";
import type { Command } from "./commands.ts";
import { mutesOf } from "./mutes.ts";
import { Bench, copyBySnapshot, textOf } from "./scheduler-acceptance.ts";

type MuteCommand = Extract<Command, { type: "mute_test" }>;

const named = (testId: string) => ({ framework: "pytest" as const, directory: ".", testId });

function asked(testId: string, more: Partial<MuteCommand> = {}): MuteCommand {
  return { type: "mute_test", test: named(testId), owner: "ada", reason: "slow net", untilMs: null, by: "me", ...more };
}

/** Mutes a test; gives what was answered, or the code of the refusal and its field. */
function mute(bench: Bench, testId: string, more: Partial<MuteCommand> = {}): Mute | string {
  const reply = bench.do(asked(testId, more));
  if (reply.type === "test_muted") return reply.mute;
  return reply.type === "refused" ? `${reply.fault.code} ${reply.fault.path ?? reply.fault.message}` : reply.type;
}

function evidence(passes: number, failures = 0) {
  return { runs: passes + failures, passes, failures, flaky_probability: flakyProbability({ passes, failures }) };
}

const told = (events: readonly PlacedEvent[]): string[] =>
  events.flatMap(({ event }) =>
    event.type === "test_unmuted" ? `${event.test.testId}: ${event.reason} (${event.by})` : [],
  );

test("a mute keeps owner, reason and time, may be changed, and is not doubled", () => {
  const bench = new Bench();
  const first = mute(bench, "t");
  expect(first).toEqual({
    ...{ mute_id: "m1", framework: "pytest", directory: ".", test_id: "t", owner: "ada", reason: "slow net" },
    ...{ muted_by: "me", since: "1970-01-01T00:00:01.000Z", until: null },
  });
  bench.nowMs += 1_000;
  expect([mute(bench, "t"), bench.journal.length]).toEqual([first, 1]);
  expect(mute(bench, "t", { owner: "eve", by: "you", untilMs: 9_000 })).toMatchObject({
    ...{
      mute_id: "m1",
      owner: "eve",
      muted_by: "you",
      since: "1970-01-01T00:00:01.000Z",
      until: "1970-01-01T00:00:09.000Z",
    },
  });
  // The same id elsewhere is another test.
  expect(mute(bench, "t", { test: { ...named("t"), directory: "sub" } })).toMatchObject({ mute_id: "m3" });
  const copy = copyBySnapshot(bench.state);
  expect(textOf(copy)).toBe(textOf(bench.state));
  expect(mutesOf(copy).map(({ mute: { mute_id, owner }, sinceSeq }) => [mute_id, owner, sinceSeq])).toEqual([
    ["m1", "eve", 1],
    ["m3", "ada", 3],
  ]);
  expect(bench.do({ type: "unmute_test", muteId: "m1", by: "eve" })).toEqual({ type: "done" });
  expect(told(bench.journal)).toEqual(["t: asked by a person (eve)"]);
  expect(bench.do({ type: "unmute_test", muteId: "m1", by: "eve" })).toMatchObject({ fault: { code: "not_found" } });
  // What was seen while it was muted before says nothing.
  expect(mute(bench, "t")).toMatchObject({ mute_id: "m5" });
});

test("a mute ends at its time, also after a restart, and not when that was put off", () => {
  const bench = new Bench();
  mute(bench, "short", { untilMs: 5_000 });
  mute(bench, "long", { untilMs: 5_000 });
  mute(bench, "long", { untilMs: 60_000 });
  expect(told(bench.pass(3_999))).toEqual([]);
  bench.state = copyBySnapshot(bench.state);
  expect(told(bench.pass(1))).toEqual(["short: its time is over (scheduler)"]);
  mute(bench, "long");
  expect(told(bench.pass(100_000))).toEqual([]);
  expect(mute(bench, "late", { untilMs: bench.nowMs })).toBe("invalid_field until");
});

test.each([
  [82, 0, false],
  [83, 0, true],
  [99, 1, false],
  [0, 0, false],
  [0, 9, false],
])("%i passes and %i failures since: steady is %s", (passes, failures, isSteady) => {
  const bench = new Bench();
  mute(bench, "t");
  bench.do({ type: "report_muted", tests: [{ muteId: "m1", evidence: evidence(passes, failures) }] });
  expect(told(bench.journal)).toEqual(
    isSteady ? ["t: it is steady: 0 of 83 tries failed, so it is flaky with 1.98 % (scheduler)"] : [],
  );
  expect(mutesOf(bench.state)).toHaveLength(isSteady ? 0 : 1);
});

test("what was found of a mute that is over changes nothing", () => {
  const bench = new Bench();
  mute(bench, "t");
  bench.do({ type: "unmute_test", muteId: "m1", by: "eve" });
  mute(bench, "t");
  bench.do({ type: "report_muted", tests: [{ muteId: "m1", evidence: evidence(100) }] });
  expect(mutesOf(bench.state)).toHaveLength(1);
});

test("no more are muted than may be", () => {
  const bench = new Bench();
  for (let count = 0; count < MAX_MUTES; count += 1) mute(bench, `t${count}`);
  expect(mute(bench, "more")).toMatch(/^conflict 1000 tests are muted/);
  expect(mute(bench, "t7", { owner: "eve" })).toMatchObject({ owner: "eve" });
  bench.do({ type: "unmute_test", muteId: "m1", by: "eve" });
  expect(mute(bench, "more")).toMatchObject({ test_id: "more" });
});
