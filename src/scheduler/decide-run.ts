import { asTaskId } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { checkGraph } from "./graph.ts";
import { fit } from "./match.ts";
import { classKey, needsOf } from "./requirement-class.ts";
import { isTerminal } from "./state.ts";
import type { State } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

export function decideSubmit(state: State, command: Of<"submit_run">): Decision {
  const known = command.idempotencyKey === null ? undefined : state.submissions.get(command.idempotencyKey);
  if (known) {
    if (known.digest !== command.digest) {
      return refused(
        fault("conflict", `The idempotency key ${command.idempotencyKey} was used for another run, ${known.runId}.`),
      );
    }
    return { events: [], reply: { type: "run_accepted", runId: known.runId, tasks: known.tasks, duplicate: true } };
  }
  const problem =
    checkGraph(command.tasks) ?? (command.waitForCapacity ? undefined : checkCapacity(state, command.tasks));
  if (problem) return refused(problem);
  return {
    events: [{ ...command, type: "run_submitted" }],
    reply: { type: "run_accepted", runId: command.runId, tasks: command.tasks.length, duplicate: false },
  };
}

/** Refuses what no known worker could ever run. */
function checkCapacity(state: State, tasks: readonly TaskSpec[]): Fault | undefined {
  const workers = [...state.workers.values()];
  const checked = new Set<string>();
  for (const [index, spec] of tasks.entries()) {
    const needs = needsOf(spec);
    const key = classKey(needs);
    if (checked.has(key)) continue;
    checked.add(key);
    const fits = workers.map((worker) => ({ worker, result: fit(needs, worker.capabilities) }));
    if (fits.some(({ result }) => result.fits)) continue;
    const path = `tasks[${index}].requirements`;
    if (workers.length === 0) {
      return fault("impossible_requirement", `No worker has ever connected, so nothing can run task ${spec.task_id}.`, {
        path,
        next: "Start a worker with `assay worker`, or submit with wait_for_capacity.",
      });
    }
    const reasons = fits.flatMap(({ worker, result }) =>
      result.fits ? [] : [`${worker.name}: ${result.reasons.join("; ")}`],
    );
    const shown = reasons.slice(0, 5).join("\n  ");
    const rest = reasons.length > 5 ? `\n  and ${reasons.length - 5} more workers` : "";
    return fault("impossible_requirement", `No known worker could ever run task ${spec.task_id}:\n  ${shown}${rest}`, {
      path,
    });
  }
  return undefined;
}

export function decideCancelRun(state: State, command: Of<"cancel_run">): Decision {
  const run = state.runs.get(command.runId);
  if (!run) return refused(fault("not_found", `No unfinished run has the id ${command.runId}.`));
  if (run.state !== "running" || run.cancelRequested) return done();
  return done({ ...command, type: "run_cancelled" });
}

export function decideCancelTask(state: State, command: Of<"cancel_task">): Decision {
  const task = state.runs.get(command.runId)?.tasks.get(asTaskId(command.taskId));
  if (!task) return refused(fault("not_found", `No unfinished run ${command.runId} has a task ${command.taskId}.`));
  if (isTerminal(task.state) || task.cancelRequested) return done();
  return done({ ...command, type: "task_cancelled" });
}
