import type { Projection } from "../src/results/projection.ts";
import { unfinishedTask } from "../src/results/rows.ts";
import { isOver } from "./books.ts";
import type { Ledger } from "./ledger.ts";
import { demand } from "./violation.ts";

/** S17: the rows that the results keep open say of every run and task what the journal says. O(unfinished tasks). */
export function checkRows(projection: Projection, ledger: Ledger): void {
  for (const run of ledger.runs.values()) {
    const row = projection.runs.get(run.runId);
    demand((row === undefined) === run.ended, "S17", () => `the row of run ${run.runId} is ${row?.state ?? "closed"}`);
    if (!row) continue;
    let open = 0;
    for (const task of run.tasks.values()) {
      if (isOver(task.state)) continue;
      open += 1;
      const status = unfinishedTask(row, task.id)?.status;
      demand(
        status === task.state,
        "S17",
        () => `the row of ${task.id} of ${run.runId} is ${status}, not ${task.state}`,
      );
    }
    demand(row.tasks.size === open, "S17", () => `${row.tasks.size} open rows of ${run.runId}, not ${open}`);
  }
}
