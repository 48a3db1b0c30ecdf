/**
 * results: DuckDB as a projection of the journal. Migrations make the tables, the projection turns events into rows, queries
 * answer questions.
 *
 * Never: decisions, the journal itself, the network. Rows can always be made again from events.
 * May enter: coordinator, cli, reports.
 */
export { matrixHistoryQuery, matrixRecords } from "./matrix-history.ts";
export { openResults, openResultsReadOnly } from "./open-results.ts";
export { readSeries } from "./read-series.ts";
export type { Results, ResultsReader } from "./open-results.ts";
