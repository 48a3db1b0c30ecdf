/**
 * reports: what measurements mean for people: the matrix of models by backends, with the state of each cell, what changed and what to take,
 * and its formats, one file for each.
 *
 * Never: I/O, clocks, looks of a terminal; reads nothing but what it is given.
 * May enter: coordinator, cli.
 */
export { cellStates } from "./cell-state.ts";
export type { CellState } from "./cell-state.ts";
export { rowName } from "./matrix-cell.ts";
export type { MatrixCell } from "./matrix-cell.ts";
export { matrixCsv } from "./matrix-csv.ts";
export { matrixDocument } from "./matrix-document.ts";
export type { MatrixDocument } from "./matrix-document.ts";
export { matrixHtml } from "./matrix-html.ts";
export { matrixMarkdown } from "./matrix-markdown.ts";
export { reportOfLatest, reportOfRun } from "./matrix-report.ts";
export type { MatrixReport } from "./matrix-report.ts";
export { matrixSections } from "./matrix-sections.ts";
export { matrixSvg } from "./matrix-svg.ts";
export { CELL_LEGEND, figureLines } from "./matrix-text.ts";
export { measureText } from "./measure-text.ts";
export { analyseSeries } from "./series-analysis.ts";
export type { SeriesAnalysis } from "./series-analysis.ts";
export { active, bad, good, out, signed, trouble, waiting } from "./state-word.ts";
export type { StateWord } from "./state-word.ts";
