import { fault } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";

/** The first thing wrong with the tasks of a run as a graph: an id used twice, a dependency that is not there, a circle. */
export function checkGraph(tasks: readonly TaskSpec[]): Fault | undefined {
  const byId = new Map<string, TaskSpec>();
  for (const [index, task] of tasks.entries()) {
    if (byId.has(task.task_id)) {
      return fault("duplicate_task_id", `Two tasks have the id ${task.task_id}.`, { path: `tasks[${index}].task_id` });
    }
    byId.set(task.task_id, task);
  }
  for (const [index, task] of tasks.entries()) {
    for (const [place, name] of task.depends_on.entries()) {
      const path = `tasks[${index}].depends_on[${place}]`;
      if (!byId.has(name))
        return fault("missing_dependency", `Task ${task.task_id} depends on ${name}, which is not in the run.`, {
          path,
        });
      if (task.depends_on.indexOf(name) !== place)
        return fault("invalid_field", `Task ${task.task_id} names ${name} twice.`, { path });
    }
  }
  const circle = findCircle(byId);
  return circle && fault("cyclic_dependency", `Tasks depend on each other in a circle: ${circle.join(" → ")}.`);
}

/** A circle of task ids, its first repeated at the end. Removes tasks without open dependencies until none is left (Kahn 1962). */
function findCircle(byId: ReadonlyMap<string, TaskSpec>): string[] | undefined {
  const open = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  for (const task of byId.values()) {
    open.set(task.task_id, task.depends_on.length);
    for (const name of task.depends_on) {
      const list = dependents.get(name);
      if (list) list.push(task.task_id);
      else dependents.set(name, [task.task_id]);
    }
  }
  const free = [...open].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    open.delete(id);
    for (const dependent of dependents.get(id) ?? []) {
      const left = (open.get(dependent) ?? 0) - 1;
      open.set(dependent, left);
      if (left === 0) free.push(dependent);
    }
  }
  const [start] = open.keys();
  if (start === undefined) return undefined;
  const path = [start];
  for (;;) {
    const next = byId.get(path.at(-1) ?? "")?.depends_on.find((name) => open.has(name)) ?? start;
    const seen = path.indexOf(next);
    path.push(next);
    if (seen >= 0) return path.slice(seen);
  }
}
