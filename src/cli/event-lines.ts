import type { FeedEvent } from "../contracts/index.ts";
import { durationText } from "./quantities.ts";
import { isPassed, outcomeText } from "./outcome-words.ts";
import { stateText } from "./state-words.ts";
import { harmless, harmlessLines, paint, plain } from "./style.ts";
import type { Style } from "./style.ts";

interface Telling {
  style: Style;
  /** Leaves out tasks that completed. */
  quiet: boolean;
  /** Why the attempt of the event had been asked back; null when it had not. */
  recalled: string | null;
}

/**
 * What a person is told of an event: one line, a failure with its whole message below. Nothing for events that only move a
 * task along.
 */
export function eventLines(event: FeedEvent, telling: Telling): string[] {
  const { style } = telling;
  switch (event.type) {
    case "attempt_finished":
      return [...testLines(event, telling), ...attemptLines(event, telling)];
    case "task_skipped":
      return [`${stateText(style, "skipped")} ${event.task_id}: ${harmless(event.message ?? "")}`];
    case "task_cancelled":
      return [`${stateText(style, "cancelled")} ${event.task_id}: ${harmless(event.message ?? "")}`];
    case "result_conflict":
      return [warning(style, `${event.task_id}: ${event.message ?? "conflicting result"}`)];
    case "worker_suspected":
      return [warning(style, `worker ${event.worker_id} is silent: ${event.message ?? ""}`)];
    case "worker_flapping":
      return [warning(style, `worker ${event.worker_id} ${event.message ?? ""}`)];
    case "worker_quarantined":
      return [warning(style, `worker ${event.worker_id} is in quarantine: ${event.message ?? ""}`)];
    case "pattern_found":
      return [warning(style, event.message ?? "something fails more often than chance explains")];
    case "worker_lost":
      return [warning(style, `worker ${event.worker_id} is lost`)];
    default:
      return [];
  }
}

/** A line for each test, and below what it said when it did not pass. In large runs only for those. */
function testLines({ tests = [], worker_id: workerId }: FeedEvent, { style, quiet }: Telling): string[] {
  return tests
    .filter((one) => !quiet || !isPassed(one))
    .flatMap((one) => [
      `${outcomeText(style, one)} ${harmless(one.id)} ${durationText(one.duration_seconds)}${workerId === undefined ? "" : ` on ${workerId}`}`,
      ...(isPassed(one) ? [] : harmlessLines(one.message ?? "").map((line) => `    ${line}`.trimEnd())),
    ]);
}

function attemptLines(event: FeedEvent, { style, quiet, recalled }: Telling): string[] {
  const { task_id: taskId, attempt, outcome, state, execution_time_seconds: seconds } = event;
  const facts = [
    event.worker_id === undefined ? "" : `on ${event.worker_id}`,
    seconds === undefined ? "" : durationText(seconds),
  ].filter((fact) => fact !== "");
  // Its tests have been told one by one.
  if (event.tests !== undefined && (state === "completed" || event.failure_class === "assertion")) return [];
  if (state === "completed") return quiet ? [] : [`${stateText(style, "completed")} ${taskId} ${facts.join(", ")}`];
  if (state === "cancelled") return [`${stateText(style, "cancelled")} ${taskId} ${facts.join(", ")}`];
  if (outcome === "preempted") {
    // One that had not started only changes its place.
    if (seconds === undefined) return [];
    const why = recalled === null ? "" : `: ${harmless(recalled)}`;
    return [`${stateText(style, "preempted")} ${taskId} ${facts.join(", ")}${why}`];
  }
  // The attempt beside it came first.
  if (state === "running" && outcome === "cancelled") return [];
  const failure = event.failure_class ?? outcome ?? "";
  const why = [event.failure_reason === undefined ? failure : `${failure}: ${event.failure_reason}`, ...facts].join(
    ", ",
  );
  const ended = `(attempt ${attempt}: ${why})`;
  const head =
    state === "queued"
      ? warning(style, `${taskId} will be tried again ${ended}`)
      : state === "running"
        ? warning(style, `${taskId} goes on with another attempt ${ended}`)
        : `${stateText(style, "failed", event.failure_class ?? "unknown")} ${taskId} (${why})`;
  return [head, ...harmlessLines(event.message ?? "").map((line) => `    ${line}`.trimEnd())];
}

function warning(style: Style, text: string): string {
  return paint(style, "yellow", plain(style, `! ${harmless(text)}`));
}
