import type { TaskView } from "../contracts/index.ts";
import { durationText } from "./quantities.ts";
import { stateText } from "./state-words.ts";
import { harmless } from "./style.ts";
import type { Style } from "./style.ts";
import type { Column } from "./table.ts";

export const taskColumns: readonly Column[] = [
  { header: "TASK" },
  { header: "TYPE" },
  { header: "STATE" },
  { header: "TOOK", align: "right" },
  { header: "TRIES", align: "right" },
  { header: "WORKER" },
  { header: "WHY" },
];

/** What a table shows of a task. */
export function taskRow(
  task: TaskView,
  { style, names }: { style: Style; names: ReadonlyMap<string, string> },
): string[] {
  const { start_time: start, end_time: end, failure_class: failureClass } = task;
  const took = start === null || end === null ? "" : durationText((Date.parse(end) - Date.parse(start)) / 1000);
  return [
    task.task_id,
    task.type,
    stateText(style, task.status, failureClass),
    took,
    String(task.attempts),
    harmless(names.get(task.worker_id ?? "") ?? task.worker_id ?? ""),
    failureClass ?? "",
  ];
}
