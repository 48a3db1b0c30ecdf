import type { JournalEventOf } from "../contracts/index.ts";
import type { WorkerRecord } from "./state.ts";

/** More reconnects than this within the window are a sign of a bad link or a crash loop. */
export const MAX_RECONNECTS = 3;
export const RECONNECT_WINDOW_MS = 60_000;
const FIRST_HOLD_MS = 30_000;
export const LONGEST_HOLD_MS = 10 * 60_000;

/** How a worker's connection behaved of late. */
export interface Steadiness {
  /** When it connected again, oldest first: those of the window, and none that a hold was already given for. */
  reconnectsMs: number[];
  /** Holds one after the other; a long steady time begins anew. */
  holds: number;
  /** No new work until then; null when it was never held. */
  heldUntilMs: number | null;
}

export function steady(): Steadiness {
  return { reconnectsMs: [], holds: 0, heldUntilMs: null };
}

/**
 * Damping as routers damp a flapping route (RFC 2439): a worker that connects again more than `MAX_RECONNECTS` times within the
 * window gets no new work for 30 s, twice as long the next time, at most 10 min. What it holds it keeps. Null while it is steady.
 */
export function flapEvent(worker: WorkerRecord | undefined, nowMs: number): JournalEventOf<"worker_flapping"> | null {
  if (!worker) return null;
  const reconnects = recent(worker.steadiness, nowMs).length + 1;
  if (reconnects <= MAX_RECONNECTS) return null;
  const holdMs = Math.min(FIRST_HOLD_MS * 2 ** holdsBefore(worker.steadiness, nowMs), LONGEST_HOLD_MS);
  return { type: "worker_flapping", workerId: worker.workerId, reconnects, untilMs: nowMs + holdMs };
}

/** Applies a reconnect. */
export function noteReconnect(steadiness: Steadiness, atMs: number): void {
  steadiness.reconnectsMs = [...recent(steadiness, atMs), atMs];
}

/** Applies `worker_flapping`. */
export function hold(steadiness: Steadiness, { untilMs }: { untilMs: number }, atMs: number): void {
  steadiness.holds = holdsBefore(steadiness, atMs) + 1;
  steadiness.heldUntilMs = untilMs;
  steadiness.reconnectsMs = [];
}

function recent({ reconnectsMs }: Steadiness, nowMs: number): number[] {
  return reconnectsMs.filter((atMs) => atMs > nowMs - RECONNECT_WINDOW_MS);
}

function holdsBefore({ holds, heldUntilMs }: Steadiness, nowMs: number): number {
  return heldUntilMs !== null && nowMs - heldUntilMs < LONGEST_HOLD_MS ? holds : 0;
}
