import { assayError, dependencyTask } from "../contracts/index.ts";
import type { TaskType } from "../contracts/index.ts";
import type { LoadedSuite } from "./load-suite.ts";

/** The tasks of these types, and those that they wait for, as a suite of its own. Error: nothing_matched. */
export function tasksOfTypes(loaded: LoadedSuite, types: readonly TaskType[]): LoadedSuite {
  const { suite, submission, file } = loaded;
  const chosen = new Set(suite.tasks.filter(({ type }) => types.includes(type)).map(({ task_id }) => task_id));
  if (chosen.size === 0) {
    const there = [...new Set(suite.tasks.map(({ type }) => type))].join(", ");
    throw assayError(
      "nothing_matched",
      `${file} has no task of type ${types.join(" or ")}: its tasks are of type ${there}`,
    );
  }
  const byId = new Map(suite.tasks.map((task) => [task.task_id, task]));
  // A set gives what is added while it is walked, too.
  for (const id of chosen) for (const one of byId.get(id)?.depends_on ?? []) chosen.add(dependencyTask(one));
  const kept = suite.tasks.flatMap(({ task_id }, index) => (chosen.has(task_id) ? [index] : []));
  const pick = <Task>(tasks: readonly Task[]): Task[] => kept.map((index) => tasks[index] as Task);
  return {
    ...loaded,
    suite: { ...suite, tasks: pick(suite.tasks) },
    submission: { ...submission, tasks: pick(submission.tasks) },
    // Whoever checks the smaller suite counts its tasks, the file has them all.
    placeOf: (path) => loaded.placeOf(path.replace(/^tasks\[(\d+)\]/, (_, index) => `tasks[${kept[Number(index)]}]`)),
  };
}
