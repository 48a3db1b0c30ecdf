import { wantsSandbox } from "../contracts/index.ts";
import type { Requirements, Resources, TaskType } from "../contracts/index.ts";
import type { SharedSpec } from "./compact-spec.ts";
import { admissionOf, marksOfWork } from "./avoidance.ts";
import type { Admission } from "./avoidance.ts";
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
  /** Patterns in force that look at what the task does, and mean it; absent for none. */
  marks?: readonly string[];
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
  /** Profiles that fit, and that a pattern in force advises against: used only while no other one is online. */
  readonly avoided: Map<Profile, Admission>;
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
    ...(wantsSandbox(spec) ? { sandbox: true as const } : {}),
  };
}

/**
 * Whether two tasks of a run, with the same sets of their fallback open, surely ask for the same: found without working out what
 * that is. Looks at all that `markedNeedsOf` looks at; parts of specs that are equal are mostly shared.
 */
export function asksTheSame(state: State, a: SharedSpec, b: SharedSpec): boolean {
  return (
    a.type === b.type &&
    (a.group === undefined) === (b.group === undefined) &&
    wantsSandbox(a) === wantsSandbox(b) &&
    a.requirements === b.requirements &&
    a.resources === b.resources &&
    a.fallback === b.fallback &&
    (state.marking.size === 0 || a.config === b.config)
  );
}

/** The same, with what the patterns in force have to say about the task. */
export function markedNeedsOf(state: State, spec: SharedSpec, at: { pool: string; opened: number }): Needs {
  const needs = needsOf(spec, at.pool, at.opened);
  const marks = marksOfWork(state, spec);
  return marks ? { ...needs, marks } : needs;
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
    avoided: new Map(),
    members: 0,
    sample: undefined,
  };
  state.classes.set(key, made);
  for (const profile of state.profiles.values()) admit(state, made, profile);
  refreshLastResort(state, made);
  return made;
}

/** Notes whether workers of a profile fit a class. */
export function admit(state: State, one: RequirementClass, profile: Profile): void {
  const admission = admissionOf(one, profile);
  if (!admission) return;
  if (admission.avoidedBy) one.avoided.set(profile, admission);
  else open(state, one, { profile, fit: admission.fit });
}

/** The same, anew. Whoever calls it for all profiles concerned calls `refreshLastResort` after. */
export function readmit(state: State, one: RequirementClass, profile: Profile): void {
  one.avoided.delete(profile);
  close(state, one, profile);
  admit(state, one, profile);
}

/** Workers that are avoided take the class all the same while no worker is online that is not. O(profiles), where any is avoided. */
export function refreshLastResort(state: State, one: RequirementClass): void {
  if (one.avoided.size === 0) return;
  let elsewhere = false;
  for (const profile of state.profiles.values())
    elsewhere ||= profile.online > 0 && profile.classes.has(one) && !one.avoided.has(profile);
  for (const [profile, { fit }] of one.avoided) {
    if (elsewhere) close(state, one, profile);
    else if (!profile.classes.has(one)) open(state, one, { profile, fit });
  }
}

function open(state: State, one: RequirementClass, at: { profile: Profile; fit: Admission["fit"] }): void {
  const { profile, fit } = at;
  profile.classes.set(one, fit);
  if (profile.idle.size + profile.spare.size > 0) {
    one.ready.add(profile);
    state.open.add(one.index);
  }
}

function close(state: State, one: RequirementClass, profile: Profile): void {
  profile.classes.delete(one);
  one.ready.delete(profile);
  if (one.ready.size === 0) state.open.delete(one.index);
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
