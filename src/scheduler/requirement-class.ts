import type { Requirements, Resources, TaskType } from "../contracts/index.ts";
import type { SharedSpec } from "./compact-spec.ts";
import { fit } from "./match.ts";
import type { Profile } from "./profile.ts";
import { demandOf } from "./resources.ts";
import type { Demand } from "./resources.ts";
import type { State, Task } from "./state.ts";

/** What a task asks of a worker. */
export interface Needs {
  type: TaskType;
  pool: string;
  /** Sets of requirements, the preferred one first: one of them must be met. */
  alternatives: readonly Requirements[];
  resources: Resources;
  /** Nothing else may run on the machine. */
  exclusive: boolean;
  /** One of several that start together: where they find too few workers, others that ask for the same need not wait. */
  grouped?: true;
  /** Runs only where attempts can be kept in a sandbox; there only when it is so, since most tasks do not say. */
  sandbox?: true;
}

/**
 * Tasks with the same needs share one queue in each run, so that a task nobody can run now never stands in the way of another,
 * and whether a worker fits is worked out once for all of them.
 */
export interface RequirementClass {
  readonly key: string;
  /** A small number of its own, for sets of classes; used again once the class is gone. */
  readonly index: number;
  readonly needs: Needs;
  readonly demand: Demand;
  /** Profiles whose workers take work now. */
  readonly ready: Set<Profile>;
  /** Unfinished tasks; a class without any is dropped. */
  members: number;
  /** What its last task asks for: the next one may be the same. */
  sample: SharedSpec | undefined;
}

/** Needs of a task with the first `opened` sets of its `fallback`. */
export function needsOf(spec: SharedSpec, pool: string, opened: number): Needs {
  const { type, requirements, resources } = spec;
  const others = spec.fallback.slice(0, opened).map(({ hardware }) => ({ ...requirements, hardware }));
  const exclusive = resources.exclusive ?? type === "benchmark";
  const needs = { type, pool, alternatives: [requirements, ...others], resources, exclusive };
  return {
    ...needs,
    ...(spec.group === undefined ? {} : { grouped: true as const }),
    ...(spec.limits?.sandbox === true ? { sandbox: true as const } : {}),
  };
}

/**
 * Needs as text. Schemas give their fields in one order; labels written in another order make a class of their own, which
 * costs nothing but its memory.
 */
export function classKey(needs: Needs): string {
  return JSON.stringify(needs);
}

/** The class of a task's needs; made, and compared with every profile, when it is new: O(profiles). */
export function classFor(state: State, needs: Needs): RequirementClass {
  const key = classKey(needs);
  const known = state.classes.get(key);
  if (known) return known;
  const index = state.freeIndexes.pop() ?? state.classes.size;
  const made: RequirementClass = {
    key,
    index,
    needs,
    demand: demandOf(needs),
    ready: new Set(),
    members: 0,
    sample: undefined,
  };
  state.classes.set(key, made);
  for (const profile of state.profiles.values()) admit(state, made, profile);
  return made;
}

/** Notes whether workers of a profile fit a class. */
export function admit(state: State, one: RequirementClass, profile: Profile): void {
  const result = fit(one.needs, profile.capabilities);
  if (!result.fits) return;
  profile.classes.set(one, result);
  if (profile.idle.size + profile.spare.size > 0) {
    one.ready.add(profile);
    state.open.add(one.index);
  }
}

export function joinClass(task: Task): void {
  task.requirementClass.members += 1;
}

export function leaveClass(state: State, task: Task): void {
  const one = task.requirementClass;
  one.members -= 1;
  if (one.members > 0) return;
  state.classes.delete(one.key);
  state.freeIndexes.push(one.index);
  state.open.delete(one.index);
  for (const profile of state.profiles.values()) profile.classes.delete(one);
}
