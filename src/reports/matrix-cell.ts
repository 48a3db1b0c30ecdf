import type { BatchFigures, MatrixRecord, Provenance, TaskView } from "../contracts/index.ts";
import { cellStates, staleness, verdictOf } from "./cell-state.ts";
import type { CellState } from "./cell-state.ts";

/** Where a cell is in the matrix. */
export interface CellPlace {
  model: string;
  precision: string;
  backend: string;
}

/** One model in one precision on one backend: whether it works, how fast it is, and how that is known. */
export interface MatrixCell extends CellPlace {
  state: CellState;
  /** Why it is not `works`. */
  reason: string | null;
  /** The figures of the cell: those of the smallest batch size that was measured. */
  batch_size: number | null;
  p50_ms: number | null;
  items_per_second: number | null;
  memory_mb: number | null;
  power_w: number | null;
  /** Timed iterations. */
  n: number | null;
  /** All that was measured, by batch size. */
  batches: readonly BatchFigures[];
  /** What its worker cost when it was measured. */
  price_per_hour: number | null;
  currency: string | null;
  /** When it was measured, ISO 8601. */
  date: string | null;
  provenance: Provenance | null;
  hardware: string | null;
  observed_backend: string | null;
  device: string | null;
  run_id: string | null;
  task_id: string | null;
  worker_id: string | null;
}

/** The cell that a measurement gives. */
export function cellOf(record: MatrixRecord, nowMs: number): MatrixCell {
  const { model, precision, backend, batches, provenance, hardware, observed_backend, device } = record;
  const { run_id, task_id, worker_id, end_time, price_per_hour, currency } = record;
  const then = verdictOf(record);
  const stale = staleness(record, nowMs);
  const was = [cellStates[then.state].word, then.reason].filter((part) => part !== null).join(", ");
  const verdict = stale === null ? then : { state: "stale" as const, reason: `${stale}; it was ${was}` };
  const [first] = batches;
  const { batch_size = null, p50_ms = null, items_per_second = null, memory_mb = null } = first ?? {};
  const { power_w = null, n = null } = first ?? {};
  return {
    ...{ model, precision, backend, ...verdict },
    ...{ batch_size, p50_ms, items_per_second, memory_mb, power_w, n, batches, price_per_hour, currency },
    ...{ date: end_time, provenance },
    ...{ hardware, observed_backend, device, run_id, task_id, worker_id },
  };
}

const nothingMeasured = {
  ...{ batch_size: null, p50_ms: null, items_per_second: null, memory_mb: null, power_w: null, n: null, batches: [] },
  ...{
    price_per_hour: null,
    currency: null,
    date: null,
    provenance: null,
    hardware: null,
    observed_backend: null,
    device: null,
  },
  ...{ run_id: null, task_id: null, worker_id: null },
} as const;

/** A cell about which nothing is known. */
export function emptyCell(place: CellPlace): MatrixCell {
  return { ...place, state: "not_run", reason: null, ...nothingMeasured };
}

/** The cell of a task that no worker reported on. */
export function cellOfTask(task: TaskView, place: CellPlace): MatrixCell {
  const { status, failure_class, run_id, task_id, worker_id } = task;
  const isFailed = status === "failed";
  const reason = isFailed ? (failure_class ?? "no worker reported on it") : status;
  return { ...emptyCell(place), state: isFailed ? "failed" : "not_run", reason, run_id, task_id, worker_id };
}

/** Whether a cell's figures can be relied on. */
export function isProven({ state }: MatrixCell): boolean {
  return state === "works" || state === "degraded";
}

/** `tiny-bert`, `tiny-bert:fp16`. */
export function rowName({ model, precision }: Pick<CellPlace, "model" | "precision">): string {
  return precision === "fp32" ? model : `${model}:${precision}`;
}
