import { adviceLines, changeLine, deviceLines, reasonLines } from "./matrix-text.ts";
import type { StateLine } from "./matrix-text.ts";
import type { MatrixReport } from "./matrix-report.ts";

/** What stands below the table; sections without lines are left out. */
export interface MatrixSection {
  title: string;
  lines: readonly (StateLine | { state: null; text: string })[];
}

export function matrixSections(report: MatrixReport): MatrixSection[] {
  const plain = (text: string): { state: null; text: string } => ({ state: null, text });
  return [
    { title: "Why", lines: reasonLines(report) },
    { title: "Devices", lines: deviceLines(report).map(plain) },
    { title: "Recommendations", lines: report.recommendations.flatMap(adviceLines).map(plain) },
    { title: "Changed since the measurement before", lines: report.changes.map((change) => plain(changeLine(change))) },
  ].filter(({ lines }) => lines.length > 0);
}
