import type { Task } from "./state.ts";

/** The order within a queue: higher priority first, then the order of submission. */
export function before(a: Task, b: Task): number {
  return b.spec.priority - a.spec.priority || a.order - b.order;
}
