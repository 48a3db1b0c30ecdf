import { asTaskId } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import type { Fault, TaskSpec } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { checkGraph } from "./graph.ts";
import { seatAll } from "./groups.ts";
import { fit } from "./match.ts";
import { classKey, needsOf } from "./requirement-class.ts";
import type { Needs } from "./requirement-class.ts";
import { isTerminal } from "./state.ts";
import type { State, WorkerRecord } from "./state.ts";

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
  const problem = checkGraph(command.tasks) ?? (command.waitForCapacity ? undefined : checkCapacity(state, command));
  if (problem) return refused(problem);
  return {
    events: [{ ...command, type: "run_submitted" }],
    reply: { type: "run_accepted", runId: command.runId, tasks: command.tasks.length, duplicate: false },
  };
}

/** Refuses what no known worker could ever run, and groups that the known workers could never start together. */
function checkCapacity(state: State, { tasks, pool }: Of<"submit_run">): Fault | undefined {
  const fitting = new Map<string, WorkerRecord[]>();
  const groups = new Map<string, { index: number; keys: string[] }>();
  let before: { spec: TaskSpec; key: string } | undefined;
  for (const [index, spec] of tasks.entries()) {
    const needs = needsOf(spec, pool, spec.fallback.length);
    const key = before && sameNeeds(before.spec, spec) ? before.key : classKey(needs);
    before = { spec, key };
    if (!fitting.has(key)) {
      const workers = [...state.workers.values()];
      const fits = workers.filter((worker) => fit(needs, worker.capabilities).fits);
      if (fits.length === 0) return impossible(state, { spec, index, needs });
      fitting.set(key, fits);
    }
    if (spec.group === undefined) continue;
    const group = groups.get(spec.group) ?? { index, keys: [] };
    groups.set(spec.group, group);
    group.keys.push(key);
  }
  for (const [name, { index, keys }] of groups) {
    const members = keys.map((key) => ({ key }));
    if (seatAll(members, ({ key }) => fitting.get(key) ?? [])) continue;
    const message = `The ${keys.length} tasks of the group ${name} need a worker each, and the known workers that fit are too few.`;
    return fault("impossible_requirement", message, { path: `tasks[${index}].group` });
  }
  return undefined;
}

const sameNeeds = (a: TaskSpec, b: TaskSpec): boolean =>
  a.type === b.type && a.requirements === b.requirements && a.resources === b.resources && a.fallback === b.fallback;

function impossible(state: State, task: { spec: TaskSpec; index: number; needs: Needs }): Fault {
  const { spec, index, needs } = task;
  const path = `tasks[${index}].requirements`;
  const workers = [...state.workers.values()];
  if (workers.length === 0) {
    return fault("impossible_requirement", `No worker has ever connected, so nothing can run task ${spec.task_id}.`, {
      path,
      next: "Start a worker with `assay worker`, or submit with wait_for_capacity.",
    });
  }
  const reasons = workers.slice(0, 5).map((worker) => {
    const result = fit(needs, worker.capabilities);
    return `${worker.name}: ${result.fits ? "" : result.reasons.join("; ")}`;
  });
  const rest = workers.length > 5 ? `\n  and ${workers.length - 5} more workers` : "";
  const message = `No known worker could ever run task ${spec.task_id}:\n  ${reasons.join("\n  ")}${rest}`;
  return fault("impossible_requirement", message, { path });
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
