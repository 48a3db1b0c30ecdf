import type { Client } from "../client/index.ts";
import type { MatrixRecord, TaskView } from "../contracts/index.ts";
import { matrixCsv, matrixDocument, matrixHtml, matrixMarkdown, matrixSvg, reportOfRun } from "../reports/index.ts";
import type { MatrixDocument, MatrixReport } from "../reports/index.ts";
import { matrixHistoryQuery, matrixRecords } from "../results/index.ts";
import type { Screen } from "./context.ts";
import { matrixLines } from "./matrix-lines.ts";
import type { EndedRun, RunSession } from "./perform-run.ts";
import { runSummary } from "./run-summary.ts";
import { plain } from "./style.ts";

export const matrixFormats = ["text", "markdown", "csv", "html", "svg", "json"] as const;
export type MatrixFormat = (typeof matrixFormats)[number];

/** Most measurements that one answer may hold. */
export const MAX_RECORDS = 100_000;

/** Prints the matrix; `after` stands below the text for people. */
export function printMatrix(
  screen: Screen,
  report: MatrixReport,
  { format, after = [] }: { format: MatrixFormat; after?: readonly string[] },
): void {
  const document = matrixDocument(report);
  screen.result(() => {
    const look = { style: screen.outStyle, width: screen.width };
    return format === "text" ? [...matrixLines(report, look), ...after] : fileLines(document, format);
  }, document);
}

function fileLines(document: MatrixDocument, format: Exclude<MatrixFormat, "text">): string[] {
  switch (format) {
    case "markdown":
      return matrixMarkdown(document);
    case "csv":
      return matrixCsv(document);
    case "html":
      return matrixHtml(document);
    case "svg":
      return matrixSvg(document);
    case "json":
      return [JSON.stringify(document, null, 2)];
  }
}

/** Prints what the run of a matrix came to. The link comes last. */
export async function reportMatrix(
  { client, screen, context }: RunSession,
  { run, url }: EndedRun,
  { format, dataDir }: { format: MatrixFormat; dataDir: string | undefined },
): Promise<void> {
  const tasks: TaskView[] = [];
  for await (const task of client.tasks({ run_id: run.run_id })) tasks.push(task);
  const records = await recordsOfRun(client, run.run_id);
  const report = reportOfRun(tasks, records, { nowMs: context.clock.nowMs() });
  const again = dataDir === undefined ? "assay matrix --show" : `assay matrix --show --data-dir ${dataDir}`;
  const after = ["", runSummary(run, screen.outStyle), plain(screen.outStyle, `  again: ${again}`)];
  printMatrix(screen, report, { format, after });
  if (url !== null) screen.info(`run ${run.run_id}: ${url}`);
}

async function recordsOfRun(client: Client, runId: string): Promise<MatrixRecord[]> {
  return matrixRecords(await client.sql(matrixHistoryQuery({ runId }), MAX_RECORDS));
}
