import { assert } from "../base/index.ts";
import type { AttemptOutcome, FailureClass, JournalEventOf } from "../contracts/index.ts";
import { REMEMBER_PATTERN_MS, concerns, isMarking, isOfWork, isOnWorker, newRecord, stateAfter } from "./avoidance.ts";
import type { PatternRecord } from "./avoidance.ts";
import { classNeeds } from "./evolve-run.ts";
import { joinProfile, leaveProfile, refreshStanding } from "./profile.ts";
import { classFor, joinClass, leaveClass, readmit, refreshLastResort } from "./requirement-class.ts";
import { keepAge } from "./share-tree.ts";
import { isTerminal } from "./state.ts";
import type { Lease, Run, State, Task, WorkerRecord } from "./state.ts";
import { setTimer } from "./timers.ts";
import { leaveQueue, makeReady } from "./transition.ts";

type PatternEvent =
  | JournalEventOf<"pattern_found">
  | JournalEventOf<"avoidance_set">
  | JournalEventOf<"pattern_forgotten">;

export function evolvePatterns(state: State, event: PatternEvent, atMs: number): void {
  switch (event.type) {
    case "pattern_found":
      return notePattern(state, event, atMs);
    case "avoidance_set":
      return setAvoidance(state, event, atMs);
    case "pattern_forgotten":
      return forgetPattern(state, event);
  }
}

function notePattern(state: State, { pattern }: JournalEventOf<"pattern_found">, atMs: number): void {
  const known = state.patterns.get(pattern.pattern_id);
  const record = known ?? newRecord(pattern, atMs);
  if (known?.state === "ended") Object.assign(known, { state: "warned", by: "scheduler", reason: "found again" });
  const untilMs = atMs + REMEMBER_PATTERN_MS;
  Object.assign(record, { pattern, foundAtMs: atMs, sinceMs: atMs, sinceSeq: state.seq, untilMs });
  state.patterns.set(pattern.pattern_id, record);
  setTimer(state, { pattern: record }, untilMs);
}

/**
 * Another state of a pattern. Workers and tasks that it speaks of get its mark or lose it, which makes profiles and classes of
 * their own of them, so that placement looks at nothing new: O(workers · classes + unfinished tasks), once.
 */
function setAvoidance(state: State, event: JournalEventOf<"avoidance_set">, atMs: number): void {
  const { action, untilMs, by, reason } = event;
  const record = mustPattern(state, event.patternId);
  const wasMarking = isMarking(record);
  endTrial(state, record);
  if (event.pattern) record.pattern = event.pattern;
  if (action === "avoid") record.strikes += 1;
  if (action === "allow") record.strikes = 0;
  Object.assign(record, { state: stateAfter[action], untilMs, by, reason, sinceMs: atMs, sinceSeq: state.seq });
  setTimer(state, { pattern: record }, untilMs);
  if (isMarking(record) === wasMarking) return refreshPairs(state, record);
  indexPattern(state, record);
  for (const worker of state.workers.values())
    if (isOnWorker(record, worker.workerId, worker.capabilities)) moveWorker(state, worker);
  if (Object.keys(record.work).length === 0) return;
  for (const run of state.runs.values()) moveTasks(state, run, record);
}

function forgetPattern(state: State, { patternId }: JournalEventOf<"pattern_forgotten">): void {
  const record = mustPattern(state, patternId);
  endTrial(state, record);
  setTimer(state, { pattern: record }, null);
  state.patterns.delete(patternId);
}

/** Everything that is derived from a record, where it stands alone. */
export function indexPattern(state: State, record: PatternRecord): void {
  if (isMarking(record)) state.marking.add(record);
  else state.marking.delete(record);
  if (record.trial !== null) state.trials.set(record.trial, record);
}

function mustPattern(state: State, patternId: string): PatternRecord {
  const record = state.patterns.get(patternId);
  assert(record, `pattern ${patternId} is in the state`);
  return record;
}

function endTrial(state: State, record: PatternRecord): void {
  state.due.trials.delete(record);
  if (record.trial !== null) state.trials.delete(record.trial);
  record.trial = null;
}

/** The first lease of a combination in probation: until it has ended there is no second one. */
export function beginTrials(state: State, worker: WorkerRecord, lease: Lease): void {
  for (const record of worker.profile.marks) {
    const { hardware, task } = lease;
    if (record.state !== "probation" || record.trial !== null) continue;
    if (!concerns(record, task.requirementClass, { profile: worker.profile, hardware })) continue;
    record.trial = lease.leaseSeq;
    state.trials.set(lease.leaseSeq, record);
    refreshPairs(state, record);
    return;
  }
}

/** An attempt ended: one that tried a combination again says whether it works. What says nothing leaves it to another. */
export function settleTrial(
  state: State,
  leaseSeq: number,
  end: { outcome: AttemptOutcome; failureClass: FailureClass | null },
): void {
  const record = state.trials.get(leaseSeq);
  if (!record) return;
  const { outcome, failureClass } = end;
  // A test that said no has run.
  if (outcome === "succeeded" || failureClass === "assertion") state.due.trials.set(record, "end");
  else if (outcome === "failed" || outcome === "timed_out" || outcome === "lost") state.due.trials.set(record, "avoid");
  else {
    endTrial(state, record);
    refreshPairs(state, record);
  }
}

function moveWorker(state: State, worker: WorkerRecord): void {
  leaveProfile(state, worker);
  worker.profile = joinProfile(state, worker.workerId, worker.capabilities);
  refreshStanding(state, worker);
}

function moveTasks(state: State, run: Run, record: PatternRecord): void {
  const meant = [...run.tasks.values()].filter((task) => !isTerminal(task.state) && isOfWork(record, task.spec));
  if (meant.length === 0) return;
  keepAge(run.node, () => {
    for (const task of meant) moveTask(state, task);
  });
}

function moveTask(state: State, task: Task): void {
  const wasQueued = task.heapIndex >= 0;
  leaveQueue(state, task);
  leaveClass(state, task);
  task.requirementClass = classFor(state, classNeeds(state, task));
  joinClass(task);
  if (wasQueued) makeReady(state, task);
}

/** A record's combination is avoided now, or no more: whether its profiles fit classes is worked out anew. */
function refreshPairs(state: State, record: PatternRecord): void {
  const marked = [...state.profiles.values()].filter(({ marks }) => marks.includes(record));
  if (marked.length === 0) return;
  for (const one of state.classes.values()) {
    for (const profile of marked) readmit(state, one, profile);
    refreshLastResort(state, one);
  }
}
