import { assert, isoTime } from "../base/index.ts";
import { fault, MAX_MUTES } from "../contracts/index.ts";
import type { JournalEvent, JournalEventOf, Mute, TestEvidence, TestName } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import type { State, TimerEntry } from "./state.ts";
import { setTimer } from "./timers.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/**
 * A muted test that is less likely flaky than this is steady. Before anything was seen it is 16 %; 83 passes at once make it
 * 1.98 %, and one failed try among the last 100 more than 10 %: after one, 100 passes at once are needed.
 */
const STEADY_BELOW = 0.02;

/** A test that fails no run. */
export interface MuteRecord {
  readonly muteId: string;
  readonly test: TestName;
  readonly owner: string;
  readonly reason: string;
  /** Who decided it, or changed it last. */
  readonly by: string;
  readonly sinceMs: number;
  /** The event that muted it: what was seen before it says nothing of whether it is steady now. */
  readonly sinceSeq: number;
  readonly untilMs: number | null;
  /** Index: its end. */
  timer: TimerEntry | null;
}

export function decideMutes(
  state: State,
  command: Of<"mute_test" | "unmute_test" | "report_muted">,
  nowMs: number,
): Decision {
  switch (command.type) {
    case "mute_test":
      return decideMute(state, command, nowMs);
    case "unmute_test":
      return decideUnmute(state, command);
    case "report_muted":
      return decideReport(state, command);
  }
}

/** Muting again changes owner, reason and end; the evidence since goes on. */
function decideMute(state: State, { type: _type, ...asked }: Of<"mute_test">, nowMs: number): Decision {
  const { test, owner, reason, untilMs } = asked;
  if (untilMs !== null && untilMs <= nowMs) {
    const next = "Name a time to come.";
    return refused(fault("invalid_field", `${isoTime(untilMs)} is over.`, { path: "until", next }));
  }
  const known = [...state.mutes.values()].find((one) => isSameTest(one.test, test));
  if (!known && state.mutes.size >= MAX_MUTES) {
    const message = `${state.mutes.size} tests are muted, which is as many as may be.`;
    return refused(fault("conflict", message, { next: "Mend or remove some, and unmute them." }));
  }
  const reply = (record: Omit<MuteRecord, "timer" | "sinceSeq">): Decision["reply"] => ({
    type: "test_muted",
    mute: muteOf(record),
  });
  if (known?.owner === owner && known.reason === reason && known.untilMs === untilMs)
    return { events: [], reply: reply(known) };
  const muteId = known?.muteId ?? `m${state.seq + 1}`;
  return {
    events: [{ type: "test_muted", muteId, ...asked }],
    reply: reply({ muteId, ...asked, sinceMs: known?.sinceMs ?? nowMs }),
  };
}

function isSameTest(a: TestName, b: TestName): boolean {
  return a.testId === b.testId && a.framework === b.framework && a.directory === b.directory;
}

function decideUnmute(state: State, { muteId, by }: Of<"unmute_test">): Decision {
  const record = state.mutes.get(muteId);
  if (!record) return refused(fault("not_found", `No mute has the id ${muteId}.`));
  return done(unmuted(record, { by, reason: "asked by a person" }));
}

/** What muted tests have shown since: those that are steady are released. */
function decideReport(state: State, { tests }: Of<"report_muted">): Decision {
  const events: JournalEvent[] = [];
  for (const { muteId, evidence } of tests) {
    // It may have been unmuted meanwhile.
    const record = state.mutes.get(muteId);
    if (record && isSteady(evidence)) events.push(unmuted(record, { by: "scheduler", reason: steadyText(evidence) }));
  }
  return done(...events);
}

function isSteady({ flaky_probability }: TestEvidence): boolean {
  return flaky_probability < STEADY_BELOW;
}

function steadyText({ passes, failures, flaky_probability }: TestEvidence): string {
  const percent = (flaky_probability * 100).toFixed(2);
  return `it is steady: ${failures} of ${passes + failures} tries failed, so it is flaky with ${percent} %`;
}

/** The time of a mute is over. */
export function muteDue(record: MuteRecord): JournalEvent {
  return unmuted(record, { by: "scheduler", reason: "its time is over" });
}

function unmuted({ muteId, test }: MuteRecord, origin: { by: string; reason: string }): JournalEventOf<"test_unmuted"> {
  return { type: "test_unmuted", muteId, test, ...origin };
}

export function evolveMutes(
  state: State,
  event: JournalEventOf<"test_muted"> | JournalEventOf<"test_unmuted">,
  atMs: number,
): void {
  const known = state.mutes.get(event.muteId);
  if (event.type === "test_unmuted") {
    assert(known, `mute ${event.muteId} is in the state`);
    setTimer(state, { mute: known }, null);
    state.mutes.delete(event.muteId);
    return;
  }
  const { type: _type, ...facts } = event;
  const origin = { sinceMs: known?.sinceMs ?? atMs, sinceSeq: known?.sinceSeq ?? state.seq };
  if (known) setTimer(state, { mute: known }, null);
  restoreMute(state, { ...facts, ...origin, timer: null });
}

/** Puts a record into the state, with what is derived from it. */
export function restoreMute(state: State, record: MuteRecord): void {
  state.mutes.set(record.muteId, record);
  setTimer(state, { mute: record }, record.untilMs);
}

function muteOf(record: Omit<MuteRecord, "timer" | "sinceSeq">): Mute {
  const { muteId, test, owner, reason, by, sinceMs, untilMs } = record;
  return {
    mute_id: muteId,
    framework: test.framework,
    directory: test.directory,
    test_id: test.testId,
    owner,
    reason,
    muted_by: by,
    since: isoTime(sinceMs),
    until: untilMs === null ? null : isoTime(untilMs),
  };
}

/** What is muted, oldest first, each with the place in the journal since which it is. */
export function mutesOf(state: State): { mute: Mute; test: TestName; sinceSeq: number }[] {
  return [...state.mutes.values()].map((record) => ({
    mute: muteOf(record),
    test: record.test,
    sinceSeq: record.sinceSeq,
  }));
}
