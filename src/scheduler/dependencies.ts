import { asTaskId } from "../base/index.ts";
import { dependencyCondition, dependencyTask } from "../contracts/index.ts";
import type { TaskState } from "../contracts/index.ts";
import type { Dependent, Run, Task } from "./state.ts";

export const NO_DEPENDENTS: Dependent[] = [];

/** Notes at each task of a run who waits for it. O(tasks + dependencies). */
export function linkDependents(run: Run): void {
  for (const task of run.tasks.values()) {
    for (const one of task.spec.depends_on) {
      const target = run.tasks.get(asTaskId(dependencyTask(one)));
      if (!target) continue;
      if (target.dependents === NO_DEPENDENTS) target.dependents = [];
      target.dependents.push({ task, condition: dependencyCondition(one) });
    }
  }
}

/** The unfinished tasks that a task waits for. */
export function openDependencies(task: Task, isTerminal: (state: TaskState) => boolean): string[] {
  return task.spec.depends_on.map(dependencyTask).filter((name) => {
    const other = task.run.tasks.get(asTaskId(name));
    return other !== undefined && !isTerminal(other.state);
  });
}
