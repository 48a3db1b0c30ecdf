import type { Client } from "../client/index.ts";
import type { ResultView, TaskView } from "../contracts/index.ts";
import { measurementLines, measurementsOf, unmeasuredTask } from "./measurement-table.ts";
import type { Measurement } from "./measurement-table.ts";
import type { EndedRun, RunSession } from "./perform-run.ts";
import { resultNotes } from "./result-notes.ts";
import { runSummary } from "./run-summary.ts";
import { plain } from "./style.ts";
import { renderTable } from "./table.ts";
import { workerNames } from "./worker-names.ts";
import { taskColumns, taskRow } from "./task-rows.ts";

/** Of a larger run only the tasks that failed are shown, and not more than so many. */
const MAX_TASKS = 200;
const MAX_FAILED = 50;

export interface ReportContent {
  /** Whether there are measurements of models to show. */
  models: boolean;
  /** Where the data lie, when on this machine. */
  dataDir: string | undefined;
}

/** Prints what became of a run: tasks, measurements, one line of summary. The link comes last. */
export async function reportRun(session: RunSession, ended: EndedRun, content: ReportContent): Promise<void> {
  const { client, screen } = session;
  const { run, url, exitCode } = ended;
  const tasks = await tasksToShow(client, ended, screen.json || content.models);
  const names = await workerNames(client);
  const newest = content.models ? await newestResults(client, run.run_id) : new Map<string, ResultView>();
  const rows = content.models ? measurements(newest, tasks) : [];
  const look = { style: screen.outStyle, width: screen.width };
  const lines = (): string[] => {
    const table =
      tasks.length > 0
        ? renderTable(
            taskColumns,
            tasks.map((task) => taskRow(task, { style: look.style, names })),
            look,
          )
        : [];
    const measured = measurementLines(rows, look);
    const notes = resultNotes([...newest.values()], look.style);
    const parts = [table, measured, notes].filter((part) => part.length > 0).flatMap((part) => [...part, ""]);
    return [...parts, runSummary(run, look.style), ...storageLines(session, ended, content)];
  };
  screen.result(lines, { run, url, tasks, measurements: rows, exit_code: exitCode });
  if (url !== null) screen.info(`run ${run.run_id}: ${url}`);
}

/** All tasks of a small run or for a program; of a large one those that failed. */
async function tasksToShow(client: Client, { run }: EndedRun, all: boolean): Promise<TaskView[]> {
  const large = !all && run.counts.total > MAX_TASKS;
  const tasks: TaskView[] = [];
  for await (const task of client.tasks({ run_id: run.run_id, ...(large ? { status: "failed" } : {}) })) {
    if (large && tasks.length === MAX_FAILED) break;
    tasks.push(task);
  }
  return tasks;
}

async function newestResults(client: Client, runId: string): Promise<Map<string, ResultView>> {
  const newest = new Map<string, ResultView>();
  for await (const result of client.results({ run_id: runId })) newest.set(result.task_id, result);
  return newest;
}

/** The rows of the results, in the order of the tasks; a task without a result has a row that says so. */
function measurements(newest: ReadonlyMap<string, ResultView>, tasks: readonly TaskView[]): Measurement[] {
  return tasks
    .filter(({ type }) => type === "model" || type === "benchmark")
    .flatMap((task) => {
      const result = newest.get(task.task_id);
      return result === undefined ? [unmeasuredTask(task)] : measurementsOf([result]);
    });
}

function storageLines({ screen }: RunSession, { run }: EndedRun, { models, dataDir }: ReportContent): string[] {
  const where = dataDir === undefined ? [] : [`stored in ${dataDir}`];
  const columns = "model, backend, batch_size, metric, value, unit";
  const sql = `select ${columns} from results_wide where run_id = '${run.run_id}'`;
  return [...where, ...(models ? [`again: assay sql "${sql}"`] : [])].map((line) =>
    plain(screen.outStyle, `  ${line}`),
  );
}
