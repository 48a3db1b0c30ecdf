import { fault } from "../contracts/index.ts";
import type { AvoidanceAction, FailurePattern, JournalEvent, JournalEventOf } from "../contracts/index.ts";
import { MAX_PATTERNS, hasPlace, isOfWork, isOnWorker, isStrong, newRecord, untilMsOf } from "./avoidance.ts";
import type { PatternRecord } from "./avoidance.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { unfitReserve } from "./migration.ts";
import type { State } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** A pattern that is known is told again when so many times as many failures show it. */
const TOLD_AGAIN = 2;

/** What was found in the results: new patterns are journaled, strong ones avoided. A person's word is left as it is. */
export function decideReport(state: State, command: Of<"report_patterns">, nowMs: number): Decision {
  const events: JournalEvent[] = [];
  let room = MAX_PATTERNS - state.patterns.size;
  for (const pattern of command.patterns) {
    const known = state.patterns.get(pattern.pattern_id);
    // Found in attempts that ended before the last word about it.
    if (known && known.sinceSeq > command.seq) continue;
    if (!known && (room -= 1) < 0) break;
    if (known && known.state !== "warned" && known.state !== "ended") continue;
    const isNew = !known || known.state === "ended" || pattern.failures >= TOLD_AGAIN * known.pattern.failures;
    if (isNew) events.push({ type: "pattern_found", pattern });
    if (!isStrong(pattern)) continue;
    events.push(...avoid(state, { pattern, known, by: "scheduler", reason: "fails too often to be used", nowMs }));
  }
  return done(...events);
}

function avoid(
  state: State,
  how: { pattern: FailurePattern; known: PatternRecord | undefined; by: string; reason: string; nowMs: number },
): JournalEvent[] {
  const { pattern, known, by, reason, nowMs } = how;
  const record = newRecord(pattern, nowMs);
  const leases = [...state.leases.values()].filter(({ task, workerId, hardware }) => {
    const worker = state.workers.get(workerId);
    if (!worker || (record.hardware !== null && record.hardware !== hardware)) return false;
    return isOnWorker(record, workerId, worker.capabilities) && isOfWork(record, task.spec);
  });
  return [
    { ...setEvent(pattern.pattern_id, "avoid", { by, reason }), untilMs: untilMsOf("avoid", known, nowMs), pattern },
    ...unfitReserve(leases),
  ];
}

/** A person decides what is done about a pattern. */
export function decideSetPattern(state: State, command: Of<"set_pattern">, nowMs: number): Decision {
  const { patternId, action, by, reason } = command;
  const known = state.patterns.get(patternId);
  if (!known) return refused(fault("not_found", `No pattern has the id ${patternId}.`));
  const { pattern } = known;
  if (action === "allow") return done(actionEvent(known, { action, by, reason, nowMs }));
  if (hasPlace(pattern)) return done(...avoid(state, { pattern, known, by, reason, nowMs }));
  return refused(
    fault("conflict", `Pattern ${patternId} holds wherever its tasks run, so there is no place to avoid.`, {
      next: "Look at the failures themselves: `assay patterns --json` names examples.",
    }),
  );
}

/** The time of a pattern's state is over. */
export function patternDue(record: PatternRecord, nowMs: number): JournalEvent[] {
  const at = { by: "scheduler", nowMs };
  switch (record.state) {
    case "avoided":
      return [actionEvent(record, { action: "try", reason: "its time is over: one task tries it again", ...at })];
    case "probation":
      return [actionEvent(record, { action: "end", reason: "no task has tried it again", ...at })];
    case "allowed":
      return [actionEvent(record, { action: "end", reason: "the time that it was allowed for is over", ...at })];
    case "warned":
    case "ended":
      return [{ type: "pattern_forgotten", patternId: record.pattern.pattern_id }];
  }
}

/** What the one task that tried a combination again has shown. */
export function trialEvent(record: PatternRecord, outcome: "end" | "avoid", nowMs: number): JournalEvent {
  const reason = outcome === "end" ? "it was tried again and worked" : "it was tried again and failed";
  return actionEvent(record, { action: outcome, by: "scheduler", reason, nowMs });
}

function actionEvent(
  record: PatternRecord,
  how: { action: AvoidanceAction; by: string; reason: string; nowMs: number },
): JournalEventOf<"avoidance_set"> {
  const { action, by, reason, nowMs } = how;
  const event = setEvent(record.pattern.pattern_id, action, { by, reason });
  const evidence = action === "avoid" ? { pattern: record.pattern } : {};
  return { ...event, untilMs: untilMsOf(action, record, nowMs), ...evidence };
}

function setEvent(
  patternId: string,
  action: AvoidanceAction,
  origin: { by: string; reason: string },
): Omit<JournalEventOf<"avoidance_set">, "untilMs"> {
  return { type: "avoidance_set", patternId, action, ...origin };
}
