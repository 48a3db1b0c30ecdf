import { dependencyTask, fault } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";
import { MAX_GROUP } from "./groups.ts";

/**
 * The first thing wrong with the tasks of a run as a graph: an id used twice, a dependency that is not there or named twice, a
 * circle, a group that is too large or could never start together. O(tasks + dependencies).
 */
export function checkGraph(tasks: readonly TaskSpec[]): Fault | undefined {
  const byId = new Map<string, TaskSpec>();
  for (const [index, task] of tasks.entries()) {
    if (byId.has(task.task_id)) {
      return fault("duplicate_task_id", `Two tasks have the id ${task.task_id}.`, { path: `tasks[${index}].task_id` });
    }
    byId.set(task.task_id, task);
  }
  for (const [index, task] of tasks.entries()) {
    const problem = dependencyFault(task, `tasks[${index}].depends_on`, byId);
    if (problem) return problem;
  }
  const circle = tasks.some((task) => task.depends_on.length > 0) ? findCircle(byId) : undefined;
  if (circle) {
    return fault("cyclic_dependency", `Tasks depend on each other in a circle: ${circle.join(" → ")}.`);
  }
  return groupFault(tasks);
}

function dependencyFault(task: TaskSpec, path: string, byId: ReadonlyMap<string, TaskSpec>): Fault | undefined {
  const seen = new Set<string>();
  for (const [place, one] of task.depends_on.entries()) {
    const name = dependencyTask(one);
    const at = { path: `${path}[${place}]` };
    if (!byId.has(name))
      return fault("missing_dependency", `Task ${task.task_id} depends on ${name}, which is not in the run.`, at);
    if (seen.has(name)) return fault("invalid_field", `Task ${task.task_id} names ${name} twice.`, at);
    seen.add(name);
  }
  return undefined;
}

function groupFault(tasks: readonly TaskSpec[]): Fault | undefined {
  const sizes = new Map<string, number>();
  for (const [index, { group }] of tasks.entries()) {
    if (group === undefined) continue;
    const size = (sizes.get(group) ?? 0) + 1;
    sizes.set(group, size);
    if (size > MAX_GROUP) {
      const path = `tasks[${index}].group`;
      return fault("invalid_field", `The group ${group} has more than ${MAX_GROUP} tasks.`, { path });
    }
  }
  return undefined;
}

/** What a task is in the graph: members of a group start together, so they are one. */
const unitOf = (task: TaskSpec): string => (task.group === undefined ? `task ${task.task_id}` : `group ${task.group}`);

/**
 * A circle of tasks and groups, its first repeated at the end. Removes units without open dependencies until none is left
 * (Kahn 1962).
 */
function findCircle(byId: ReadonlyMap<string, TaskSpec>): string[] | undefined {
  const needs = new Map<string, string[]>();
  const dependents = new Map<string, string[]>();
  for (const task of byId.values()) {
    const unit = unitOf(task);
    const before = listOf(needs, unit);
    for (const one of task.depends_on) {
      const other = byId.get(dependencyTask(one));
      if (!other) continue;
      before.push(unitOf(other));
      listOf(dependents, unitOf(other)).push(unit);
    }
  }
  const open = new Map([...needs].map(([unit, before]) => [unit, before.length]));
  const free = [...open].filter(([, count]) => count === 0).map(([unit]) => unit);
  for (let unit = free.pop(); unit !== undefined; unit = free.pop()) {
    open.delete(unit);
    for (const dependent of dependents.get(unit) ?? []) {
      const left = (open.get(dependent) ?? 0) - 1;
      open.set(dependent, left);
      if (left === 0) free.push(dependent);
    }
  }
  const [start] = open.keys();
  return start === undefined ? undefined : circleFrom(start, { open, needs });
}

function circleFrom(
  start: string,
  graph: { open: ReadonlyMap<string, number>; needs: ReadonlyMap<string, string[]> },
): string[] {
  const path = [start];
  for (;;) {
    const next = graph.needs.get(path.at(-1) ?? "")?.find((unit) => graph.open.has(unit)) ?? start;
    const seen = path.indexOf(next);
    path.push(next);
    if (seen >= 0) return path.slice(seen).map((unit) => unit.replace(/^task /, ""));
  }
}

function listOf(lists: Map<string, string[]>, key: string): string[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}
