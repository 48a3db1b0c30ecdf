import type { MatrixRecord, TaskView } from "../contracts/index.ts";
import { modelOf, precisionOf } from "../contracts/index.ts";
import { adviceOf } from "./matrix-advice.ts";
import type { ModelAdvice } from "./matrix-advice.ts";
import { cellOf, cellOfTask, emptyCell, rowName } from "./matrix-cell.ts";
import type { CellPlace, MatrixCell } from "./matrix-cell.ts";
import { changeOf } from "./matrix-changes.ts";
import type { CellChange } from "./matrix-changes.ts";

/** Models by backends, and what follows from it. */
export interface MatrixReport {
  /** Names of the rows: a model, with its precision where that is not fp32. */
  rows: readonly string[];
  backends: readonly string[];
  /** Row by row, one for each row and backend. */
  cells: readonly MatrixCell[];
  recommendations: readonly ModelAdvice[];
  /** Against the measurement before, cell by cell. */
  changes: readonly CellChange[];
}

/** What the tasks of a run came to; `records` hold the results of the run and of what was before it. */
export function reportOfRun(
  tasks: readonly TaskView[],
  records: readonly MatrixRecord[],
  { nowMs }: { nowMs: number },
): MatrixReport {
  const found = new Map(records.map((record) => [keyOfTask(record), record]));
  const cells = tasks.map((task) => {
    const record = found.get(keyOfTask(task));
    return record === undefined ? cellOfTask(task, placeOfTask(task)) : cellOf(record, nowMs);
  });
  const measured = tasks.flatMap((task) => found.get(keyOfTask(task)) ?? []);
  return reportOf(cells, changesOf(measured, records));
}

/** The latest that is known of each cell. */
export function reportOfLatest(records: readonly MatrixRecord[], { nowMs }: { nowMs: number }): MatrixReport {
  const latest = records.filter(({ age }) => age === 1);
  return reportOf(
    latest.map((record) => cellOf(record, nowMs)),
    changesOf(latest, records),
  );
}

/** Fills what was not run, so that each row has a cell for each backend. */
function reportOf(known: readonly MatrixCell[], changes: readonly CellChange[]): MatrixReport {
  const rows = [...new Map(known.map((cell) => [rowName(cell), cell])).entries()];
  const backends = [...new Set(known.map(({ backend }) => backend))];
  const byPlace = new Map(known.map((cell) => [keyOfPlace(cell), cell]));
  const cells = rows.flatMap(([, { model, precision }]) =>
    backends.map((backend) => {
      const place = { model, precision, backend };
      return byPlace.get(keyOfPlace(place)) ?? emptyCell(place);
    }),
  );
  return { rows: rows.map(([name]) => name), backends, cells, recommendations: adviceOf(cells), changes };
}

function changesOf(newer: readonly MatrixRecord[], all: readonly MatrixRecord[]): CellChange[] {
  const byAge = new Map(all.map((record) => [`${keyOfPlace(record)} ${record.age}`, record]));
  return newer.flatMap((record) => {
    const before = byAge.get(`${keyOfPlace(record)} ${record.age + 1}`);
    return (before && changeOf(record, before)) ?? [];
  });
}

function placeOfTask({ spec }: TaskView): CellPlace {
  const { backend = "" } = spec.requirements;
  return { model: modelOf(spec) ?? "", precision: precisionOf(spec) ?? "", backend };
}

function keyOfTask({ run_id, task_id }: { run_id: string; task_id: string }): string {
  return JSON.stringify([run_id, task_id]);
}

function keyOfPlace({ model, precision, backend }: CellPlace): string {
  return JSON.stringify([model, precision, backend]);
}

/** How many cells are what, in the words of the benchmark's figures. */
export function matrixFigures({
  cells,
  backends,
}: MatrixReport): Record<
  "models" | "backends" | "cells_works" | "cells_failed_with_reason" | "cells_unproven",
  number
> {
  const count = (...states: readonly MatrixCell["state"][]): number =>
    cells.filter(({ state }) => states.includes(state)).length;
  return {
    models: new Set(cells.map(({ model }) => model)).size,
    backends: backends.length,
    cells_works: count("works", "degraded"),
    cells_failed_with_reason: count("out_of_memory", "unsupported", "wrong_numbers", "failed"),
    cells_unproven: count("not_proven"),
  };
}
