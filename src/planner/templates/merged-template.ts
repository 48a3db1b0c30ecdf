import type { Template, TemplateTask } from "../../contracts/index.ts";
import { merged } from "../with-defaults.ts";

/** A template with what it inherits; `chain` is itself, then what it extends, and so on. */
export function mergedTemplate([own, ...parents]: readonly [Template, ...Template[]]): Template {
  return parents.reduce(inherit, own);
}

/** Parts by name: a parameter's and a task's fields, and what the template applies to. */
function inherit(own: Template, parent: Template): Template {
  return {
    ...own,
    description: own.description || parent.description,
    applies_to: { ...parent.applies_to, ...own.applies_to },
    parameters: merged(parent.parameters, own.parameters) as Template["parameters"],
    tasks: mergedTasks(parent.tasks, own.tasks),
  };
}

/** The parent's come first, in its order. */
function mergedTasks(parents: readonly TemplateTask[], own: readonly TemplateTask[]): TemplateTask[] {
  const mine = new Map(own.map((task) => [task.task_id, task]));
  const inherited = parents.map((task) => {
    const change = mine.get(task.task_id);
    mine.delete(task.task_id);
    return change === undefined ? task : (merged(task, change) as TemplateTask);
  });
  return [...inherited, ...mine.values()];
}
