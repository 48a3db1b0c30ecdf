import type { Task } from "./state.ts";

/** A task that waits gains one point of priority in so long. */
export const AGEING_MS_PER_POINT = 6_000;

/**
 * Place of a task in its queue; lower comes first. Effective priority is `priority + waited / AGEING_MS_PER_POINT`. All that
 * waits ages alike, so the order between two tasks never changes and can be worked out once: `ready since, in ageing steps,
 * less priority`. Bound: no task that becomes ready later than `(100 - priority) · AGEING_MS_PER_POINT` after this one comes
 * before it. Steps are whole, so that tasks ready at about the same time count as equally old.
 */
export function rankOf(priority: number, readySinceMs: number): number {
  return Math.floor(readySinceMs / AGEING_MS_PER_POINT) - priority;
}

/** Within a queue: effective priority, then the longest expected first (unknown counts as longest), then the order of submission. */
export function before(a: Task, b: Task): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.expectedWork !== b.expectedWork) return b.expectedWork - a.expectedWork;
  return a.order - b.order;
}
