import { matrixFigures } from "./matrix-report.ts";
import type { MatrixReport } from "./matrix-report.ts";

/** The matrix for programs: what benchmarks print, and with it all of the matrix. */
export interface MatrixDocument extends MatrixReport {
  bench: "matrix";
  figures: ReturnType<typeof matrixFigures>;
}

export function matrixDocument(report: MatrixReport): MatrixDocument {
  return { bench: "matrix", figures: matrixFigures(report), ...report };
}
