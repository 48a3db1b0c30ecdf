import type { BatchFigures, MatrixRecord } from "../contracts/index.ts";
import { verdictOf } from "./cell-state.ts";
import type { CellState } from "./cell-state.ts";
import type { CellPlace } from "./matrix-cell.ts";

/** What is different since the measurement before. */
export interface CellChange extends CellPlace {
  /** When the measurement before was. */
  since: string;
  state: { from: CellState; to: CellState } | null;
  /** A change of the median latency beyond noise; `noise` is the part of it that means nothing. */
  p50: { batch_size: number; from_ms: number; to_ms: number; noise: number } | null;
}

/** Medians of one program on one machine differ by this much from start to start. */
const LEAST_CHANGE = 0.1;
/** Taken for the spread of iterations that were too few to tell. */
const UNKNOWN_SPREAD = 0.25;

/** Compares a measurement with the one before it; null when nothing changed. */
export function changeOf(now: MatrixRecord, before: MatrixRecord): CellChange | null {
  const { model, precision, backend } = now;
  const [from, to] = [verdictOf(before).state, verdictOf(now).state];
  const state = from === to ? null : { from, to };
  const p50 = isComparable(now, before) ? latencyChange(now.batches, before.batches) : null;
  return state === null && p50 === null ? null : { model, precision, backend, since: before.end_time, state, p50 };
}

/** Times are compared only where the same worker did the same work. */
function isComparable(now: MatrixRecord, before: MatrixRecord): boolean {
  return now.worker_id === before.worker_id && now.sequence_length === before.sequence_length;
}

/** At the smallest batch size that both measured. */
function latencyChange(now: readonly BatchFigures[], before: readonly BatchFigures[]): CellChange["p50"] {
  for (const { batch_size, p50_ms: to_ms, spread } of now) {
    const old = before.find((one) => one.batch_size === batch_size);
    const from_ms = old?.p50_ms ?? null;
    if (to_ms === null || from_ms === null) continue;
    const noise = Math.max(LEAST_CHANGE, spread ?? UNKNOWN_SPREAD, old?.spread ?? UNKNOWN_SPREAD);
    // The same factor up and down.
    const factor = Math.max(to_ms / from_ms, from_ms / to_ms);
    return factor > 1 + noise ? { batch_size, from_ms, to_ms, noise } : null;
  }
  return null;
}
