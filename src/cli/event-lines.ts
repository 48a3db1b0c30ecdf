import type { FeedEvent } from "../contracts/index.ts";
import { durationText } from "./quantities.ts";
import { stateText } from "./state-words.ts";
import { harmless, harmlessLines, paint, plain } from "./style.ts";
import type { Style } from "./style.ts";

/**
 * What a person is told of an event: one line, a failure with its whole message below. Nothing for events that only move a
 * task along. `quiet` leaves out tasks that completed.
 */
export function eventLines(event: FeedEvent, { style, quiet }: { style: Style; quiet: boolean }): string[] {
  switch (event.type) {
    case "attempt_finished":
      return attemptLines(event, { style, quiet });
    case "task_skipped":
      return [`${stateText(style, "skipped")} ${event.task_id}: ${harmless(event.message ?? "")}`];
    case "task_cancelled":
      return [`${stateText(style, "cancelled")} ${event.task_id}: ${harmless(event.message ?? "")}`];
    case "result_conflict":
      return [warning(style, `${event.task_id}: ${event.message ?? "conflicting result"}`)];
    case "worker_suspected":
      return [warning(style, `worker ${event.worker_id} is silent: ${event.message ?? ""}`)];
    case "worker_lost":
      return [warning(style, `worker ${event.worker_id} is lost`)];
    default:
      return [];
  }
}

function attemptLines(event: FeedEvent, { style, quiet }: { style: Style; quiet: boolean }): string[] {
  const facts = [
    event.worker_id === undefined ? "" : `on ${event.worker_id}`,
    event.execution_time_seconds === undefined ? "" : durationText(event.execution_time_seconds),
  ].filter((fact) => fact !== "");
  if (event.state === "completed")
    return quiet ? [] : [`${stateText(style, "completed")} ${event.task_id} ${facts.join(", ")}`];
  if (event.state === "cancelled") return [`${stateText(style, "cancelled")} ${event.task_id} ${facts.join(", ")}`];
  const failure = event.failure_class ?? event.outcome ?? "";
  const why = [event.failure_reason === undefined ? failure : `${failure}: ${event.failure_reason}`, ...facts].join(
    ", ",
  );
  const head =
    event.state === "queued"
      ? warning(style, `${event.task_id} will be tried again (attempt ${event.attempt}: ${why})`)
      : `${stateText(style, "failed", event.failure_class ?? "unknown")} ${event.task_id} (${why})`;
  return [head, ...harmlessLines(event.message ?? "").map((line) => `    ${line}`.trimEnd())];
}

function warning(style: Style, text: string): string {
  return paint(style, "yellow", plain(style, `! ${harmless(text)}`));
}
