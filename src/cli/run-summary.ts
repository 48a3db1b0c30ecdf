import type { RunView, TaskCounts } from "../contracts/index.ts";
import { countText, durationText } from "./quantities.ts";
import { stateText } from "./state-words.ts";
import type { Style } from "./style.ts";

/** `5 of 7 completed, 1 failed, 1 skipped`: what is zero is left out. */
export function countsText(counts: TaskCounts): string {
  const others: [number, string][] = [
    [counts.failed, "failed"],
    [counts.error, counts.error === 1 ? "error" : "errors"],
    [counts.cancelled, "cancelled"],
    [counts.skipped, "skipped"],
    [counts.running, "running"],
    [counts.waiting, "waiting"],
  ];
  const rest = others.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : []));
  if (counts.completed === counts.total) return `${countText(counts.total, "task")} completed`;
  return [`${counts.completed} of ${counts.total} completed`, ...rest].join(", ");
}

/** A run in one line. */
export function runSummary(run: RunView, style: Style): string {
  const seconds = run.end_time === null ? undefined : (Date.parse(run.end_time) - Date.parse(run.create_time)) / 1000;
  const took = seconds === undefined ? "" : `, ${durationText(seconds)}`;
  return `${stateText(style, run.state)} ${run.run_id}: ${countsText(run.counts)}${took}`;
}
