import { Heap } from "../base/index.ts";
import type { WorkerId } from "../base/index.ts";
import type { Hardware, TaskSpec } from "../contracts/index.ts";
import { fit } from "./match.ts";
import { before } from "./priority.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/**
 * Tasks with the same needs share one queue, so that a task nobody can run now never stands in the way of another, and
 * whether a worker fits is worked out once.
 */
export interface RequirementClass {
  readonly key: string;
  /** A task of the class: all of them need the same. */
  readonly needs: Needs;
  /** Workers that fit, with the platform they would use. */
  readonly eligible: Map<WorkerId, Hardware | null>;
  /** Eligible workers that take work now, the longest unserved first. */
  readonly ready: Set<WorkerId>;
  /** Tasks that may be leased now, the next one first. */
  readonly queue: Heap<Task>;
  /** Unfinished tasks; a class without any is dropped. */
  open: number;
}

export type Needs = Pick<TaskSpec, "type" | "requirements" | "resources">;

export function needsOf(spec: TaskSpec): Needs {
  return { type: spec.type, requirements: spec.requirements, resources: spec.resources };
}

/**
 * Needs as text. Schemas give their fields in one order; labels written in another order make a class of their own, which
 * costs nothing but its memory.
 */
export function classKey(needs: Needs): string {
  return JSON.stringify(needs);
}

/** The class of a task's needs; made, and compared with every worker, when it is new. */
export function classFor(state: State, spec: TaskSpec): RequirementClass {
  const needs = needsOf(spec);
  const key = classKey(needs);
  const known = state.classes.get(key);
  if (known) return known;
  const made: RequirementClass = {
    key,
    needs,
    eligible: new Map(),
    ready: new Set(),
    queue: new Heap(before),
    open: 0,
  };
  state.classes.set(key, made);
  for (const worker of state.workers.values()) admit(made, worker);
  return made;
}

/** Compares a worker's new capabilities with every class. */
export function reclassify(state: State, worker: WorkerRecord): void {
  for (const one of worker.classes) {
    one.eligible.delete(worker.workerId);
    one.ready.delete(worker.workerId);
  }
  worker.classes.clear();
  for (const one of state.classes.values()) admit(one, worker);
}

function admit(one: RequirementClass, worker: WorkerRecord): void {
  const result = fit(one.needs, worker.capabilities);
  if (!result.fits) return;
  one.eligible.set(worker.workerId, result.hardware);
  worker.classes.add(one);
  if (worker.isReady) one.ready.add(worker.workerId);
}

/** Brings the `ready` sets in line with whether the worker takes work now. */
export function refreshReady(worker: WorkerRecord): void {
  const isReady = worker.state === "ready" && worker.leases.size < worker.credits;
  if (isReady === worker.isReady) return;
  worker.isReady = isReady;
  for (const one of worker.classes) {
    if (isReady) one.ready.add(worker.workerId);
    else one.ready.delete(worker.workerId);
  }
}

/** Takes a worker out of every class. */
export function removeFromClasses(worker: WorkerRecord): void {
  for (const one of worker.classes) {
    one.eligible.delete(worker.workerId);
    one.ready.delete(worker.workerId);
  }
  worker.classes.clear();
}
