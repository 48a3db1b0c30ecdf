import { isoTime } from "../base/index.ts";
import { patternText } from "../contracts/index.ts";
import type { FeedEvent, JournalEvent, JournalEventOf, PlacedEvent } from "../contracts/index.ts";
import type { FeedWanted } from "./control.ts";

type Details = Omit<FeedEvent, "seq" | "time" | "type">;

/** What screens are told of an event. Null for events that are nobody's business (tokens) or only tidying up. */
function feedEvent({ seq, atMs, event }: PlacedEvent): FeedEvent | null {
  const details = detailsOf(event);
  return details && { seq, time: isoTime(atMs), type: event.type, ...details };
}

/** Those of a few events that a watcher wants, up to its limit; `nextSeq` is the last that was looked at. */
export function collectFeed(
  placed: Iterable<PlacedEvent>,
  afterSeq: number,
  wanted: FeedWanted,
): { events: FeedEvent[]; nextSeq: number } {
  const events: FeedEvent[] = [];
  let nextSeq = afterSeq;
  for (const one of placed) {
    if (events.length === wanted.limit) break;
    nextSeq = one.seq;
    if (wanted.type !== undefined && one.event.type !== wanted.type) continue;
    if (wanted.runId !== undefined && !("runId" in one.event && one.event.runId === wanted.runId)) continue;
    const shown = feedEvent(one);
    if (shown) events.push(shown);
  }
  return { events, nextSeq };
}

function detailsOf(event: JournalEvent): Details | null {
  switch (event.type) {
    case "token_created":
    case "token_revoked":
    case "run_archived":
    case "attempt_progressed":
      return null;
    case "leader_stalled":
      return { message: `the coordinator stood still for ${Math.round(event.stalledMs)} ms` };
    case "epoch_opened":
      return { message: `epoch ${event.epoch}` };
    case "run_submitted":
      return { run_id: event.runId, state: "running", message: `${event.name}: ${event.tasks.length} tasks` };
    case "run_cancelled":
      return { run_id: event.runId, message: event.reason };
    case "run_finished":
      return { run_id: event.runId, state: event.state };
    case "task_cancelled":
      return { run_id: event.runId, task_id: event.taskId, message: event.reason };
    case "task_skipped":
      return {
        run_id: event.runId,
        task_id: event.taskId,
        state: "skipped",
        message: `${event.because} did not end as it must`,
      };
    case "share_set":
      return { message: `${event.kind} ${event.name}: weight ${event.weight}, quota ${event.maxRunning ?? "none"}` };
    case "template_added":
      return { message: `template ${event.template.name} version ${event.version}, by ${event.by}` };
    case "template_removed":
      return { message: `template ${event.name}, by ${event.by}` };
    case "test_muted":
      return { state: "muted", message: `${event.test.testId}: ${event.reason} (${event.owner})` };
    case "test_unmuted":
      return { state: "unmuted", message: `${event.test.testId}: ${event.reason} (${event.by})` };
    case "pattern_forgotten":
      return null;
    case "pattern_found":
    case "avoidance_set":
      return patternDetails(event);
    case "fallback_opened":
    case "claim_opened":
    case "claim_dropped":
      return { run_id: event.runId, task_id: event.taskId, state: "queued", ...waitDetails(event) };
    case "attempt_revoked":
      return { ...refOf(event), worker_id: event.workerId, message: event.reason };
    case "retry_due":
      return { run_id: event.runId, task_id: event.taskId, state: "queued" };
    case "attempt_leased":
      return {
        ...refOf(event),
        state: "leased",
        worker_id: event.workerId,
        ...(event.hardware ? { hardware: event.hardware } : {}),
      };
    case "attempt_started":
      return { ...refOf(event), state: "running" };
    case "attempt_finished":
      return { ...refOf(event), ...endOf(event) };
    case "result_conflict":
      return {
        ...refOf(event),
        worker_id: event.workerId,
        message: "a different result for the same attempt was refused",
      };
    default:
      return workerDetails(event);
  }
}

function waitDetails(
  event: JournalEventOf<"fallback_opened"> | JournalEventOf<"claim_opened"> | JournalEventOf<"claim_dropped">,
): Details {
  switch (event.type) {
    case "fallback_opened":
      return { message: `fallback ${event.alternative} is open` };
    case "claim_opened":
      return { message: `kept free for it: ${event.workers.join(", ")}` };
    case "claim_dropped":
      return { message: event.reason };
  }
}

function patternDetails(event: JournalEventOf<"pattern_found"> | JournalEventOf<"avoidance_set">): Details {
  if (event.type === "avoidance_set") {
    const message = `pattern ${event.patternId}: ${event.reason} (${event.by})`;
    return { state: event.action, message };
  }
  return { state: "found", message: patternText(event.pattern) };
}

function workerDetails(event: Extract<JournalEvent, { type: `worker_${string}` }>): Details | null {
  const worker_id = event.workerId;
  switch (event.type) {
    case "worker_registered":
      return {
        worker_id,
        state: "ready",
        message: event.note === undefined ? event.name : `${event.name}: ${event.note}`,
      };
    case "worker_reported":
      return null;
    case "worker_suspected":
      return { worker_id, state: "suspect", message: event.reason };
    case "worker_resumed":
      return { worker_id, message: "may get work again" };
    case "worker_flapping":
      return {
        worker_id,
        state: "flapping",
        message: `connected again ${event.reconnects} times: no new work until ${isoTime(event.untilMs)}`,
      };
    case "worker_quarantined":
      return { worker_id, state: "quarantined", message: event.reason };
    case "worker_released":
      return { worker_id, message: event.reason };
    case "worker_lost":
      return { worker_id, state: "lost" };
    case "worker_draining":
      return { worker_id, state: "draining", message: event.reason };
    case "worker_commanded": {
      const what = event.version === null ? event.action : `${event.action} to ${event.version}`;
      return { worker_id, message: `${what}, asked by ${event.by}: ${event.reason}` };
    }
    case "worker_answered": {
      const said = event.message === "" ? "" : `: ${event.message}`;
      return { worker_id, message: `${event.action} ${event.state}${said}` };
    }
    case "worker_left":
      return { worker_id, state: "left", message: event.reason };
  }
}

function refOf(event: { runId: string; taskId: string; attempt: number }): Details {
  return { run_id: event.runId, task_id: event.taskId, attempt: event.attempt };
}

function endOf(event: Extract<JournalEvent, { type: "attempt_finished" }>): Details {
  return {
    worker_id: event.workerId,
    outcome: event.outcome,
    state: event.after.state,
    ...(event.failure
      ? {
          failure_class: event.failure.class,
          ...(event.failure.reason === undefined ? {} : { failure_reason: event.failure.reason }),
          message: event.failure.message,
        }
      : {}),
    ...timeOf(event),
    ...testsOf(event),
  };
}

/** Without what they printed: whoever wants to read that asks for the result. */
function testsOf({ result }: JournalEventOf<"attempt_finished">): Pick<Details, "tests"> {
  return result?.tests === undefined ? {} : { tests: result.tests.map(({ output: _, ...told }) => told) };
}

/** How long it ran; absent when it never started. */
function timeOf({ result, startedAtMs, finishedAtMs }: JournalEventOf<"attempt_finished">): Details {
  if (result) return { execution_time_seconds: result.execution_time_seconds };
  if (startedAtMs === null) return {};
  // The clocks of worker and coordinator differ a little.
  return { execution_time_seconds: Math.max(0, finishedAtMs - startedAtMs) / 1000 };
}
