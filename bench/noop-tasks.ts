import type { SubmitRunInput } from "../src/contracts/index.ts";

/** Tasks that cost an executor nothing, numbered from `start`. `labels` says what the task asks of its worker. */
export function noopTasks(
  count: number,
  start = 0,
  labels?: (index: number) => Record<string, string>,
): SubmitRunInput["tasks"] {
  return Array.from({ length: count }, (_, offset) => {
    const index = start + offset;
    return {
      task_id: `t${index}`,
      type: "command" as const,
      config: { command: "true" },
      ...(labels ? { requirements: { labels: labels(index) } } : {}),
    };
  });
}
