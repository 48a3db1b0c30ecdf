import { dependencyTask, fault } from "../contracts/index.ts";
import type { Dependency, Fault } from "../contracts/index.ts";

/** What of a task the check looks at. */
interface Dependent {
  task_id: string;
  depends_on: readonly Dependency[];
}

/** The first thing wrong with ids and dependencies of a run's tasks: duplicate_task_id, missing_dependency or cyclic_dependency. */
export function dependencyFault(tasks: readonly Dependent[]): Fault | undefined {
  const indexOf = new Map<string, number>();
  for (const [index, task] of tasks.entries()) {
    const first = indexOf.get(task.task_id);
    if (first !== undefined) {
      const message = `tasks[${first}] and tasks[${index}] both have the task_id ${task.task_id}`;
      return fault("duplicate_task_id", message, { path: `tasks[${index}].task_id` });
    }
    indexOf.set(task.task_id, index);
  }
  for (const [index, task] of tasks.entries()) {
    const position = task.depends_on.findIndex((one) => !indexOf.has(dependencyTask(one)));
    if (position >= 0) {
      const name = dependencyTask(task.depends_on[position] ?? "");
      const message = `task ${task.task_id} depends on ${name}, which the suite does not have`;
      return fault("missing_dependency", message, { path: `tasks[${index}].depends_on[${position}]` });
    }
  }
  return cycleFault(tasks, indexOf);
}

function cycleFault(tasks: readonly Dependent[], indexOf: ReadonlyMap<string, number>): Fault | undefined {
  const finished = new Set<string>();
  for (const task of tasks) {
    const cycle = cycleFrom(task, (id) => tasks[indexOf.get(id) ?? -1], finished);
    if (cycle === undefined) continue;
    const [start = task.task_id] = cycle;
    const message = `tasks depend on each other in a circle: ${[...cycle, start].join(" → ")}`;
    return fault("cyclic_dependency", message, { path: `tasks[${indexOf.get(start)}].depends_on` });
  }
  return undefined;
}

/** Depth first with a stack of its own: a chain of dependencies may be as long as a run. */
function cycleFrom(
  root: Dependent,
  taskOf: (id: string) => Dependent | undefined,
  finished: Set<string>,
): string[] | undefined {
  const path = [{ task: root, next: 0 }];
  const onPath = new Set([root.task_id]);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const next = finished.has(top.task.task_id) ? undefined : top.task.depends_on[top.next];
    const dependency = next && dependencyTask(next);
    top.next += 1;
    if (dependency === undefined) {
      finished.add(top.task.task_id);
      onPath.delete(top.task.task_id);
      path.pop();
    } else if (onPath.has(dependency)) {
      const ids = path.map(({ task }) => task.task_id);
      return ids.slice(ids.indexOf(dependency));
    } else {
      const task = finished.has(dependency) ? undefined : taskOf(dependency);
      if (task === undefined) continue;
      onPath.add(dependency);
      path.push({ task, next: 0 });
    }
  }
  return undefined;
}
