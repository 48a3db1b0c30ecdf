import type { JournalEvent } from "../contracts/index.ts";
import type { ClassSet } from "./class-set.ts";
import { isLess } from "./is-less.ts";
import { pick, settle } from "./resources.ts";
import type { ResourcePool } from "./resources.ts";
import { revocation } from "./revocation.ts";
import { bestLeaf } from "./share-tree.ts";
import type { ShareNode } from "./share-tree.ts";
import type { Lease, State, Task, WorkerRecord } from "./state.ts";

/** Work makes room only for work whose priority is higher by so much (Nomad's delta). */
export const PREEMPTION_GAP = 10;

/** Never a benchmark, whose numbers would be lost, nor a member of a group, nor what asked not to be. */
export function isPreemptible({ spec, group }: Task): boolean {
  return spec.type !== "benchmark" && spec.preemptible !== false && group === null;
}

/** Attempts on one worker, or one machine, that would have to make room for a task. */
export interface Preemption {
  readonly worker: WorkerRecord;
  readonly victims: readonly Lease[];
}

/**
 * The room that a task could get: the victims of lowest priority first, then the fewest, then the closest fit, then those that
 * lose the least work. Changes nothing, so it is the dry run too. O(workers + leases).
 */
export function choosePreemption(state: State, task: Task): Preemption | null {
  if (task.group) return null;
  const { exclusive } = task.requirementClass.demand;
  let best: { preemption: Preemption; cost: number[] } | undefined;
  for (const worker of state.workers.values()) {
    if (worker.state !== "ready" || worker.claim || !worker.profile.classes.has(task.requirementClass)) continue;
    // A machine is claimed as a whole or not at all.
    if (exclusive && [...worker.machine.workers].some((other) => other.claim)) continue;
    const victims = victimsOn(state, worker, task);
    if (!victims) continue;
    const cost = costOf(task, victims);
    if (!best || isLess(cost, best.cost)) best = { preemption: { worker, victims }, cost };
  }
  return best?.preemption ?? null;
}

/** The fewest leases of a worker, the lowest priority and the latest started first, without which the task fits; null when none do. */
function victimsOn(state: State, worker: WorkerRecord, task: Task): Lease[] | null {
  const { demand } = task.requirementClass;
  const on = demand.exclusive
    ? [...worker.machine.workers].flatMap((one) => [...one.leases.values()])
    : [...worker.leases.values()];
  const highest = task.spec.priority - PREEMPTION_GAP;
  const possible = on
    .filter((lease) => lease.task.spec.priority <= highest && isPreemptible(lease.task) && lease.revoked !== "running")
    .sort((a, b) => a.task.spec.priority - b.task.spec.priority || b.leasedAtMs - a.leasedAtMs);
  if (demand.exclusive) return possible.length === on.length && on.length > 0 ? possible : null;
  const pool: ResourcePool = { ...worker.resources, gpus: worker.resources.gpus.map((gpu) => ({ ...gpu })) };
  const victims: Lease[] = [];
  const fits = (): boolean =>
    worker.leases.size - victims.length < worker.slots &&
    pick(pool, demand) !== null &&
    demand.locks.every((lock) => !state.locks.has(lock) || victims.some((lease) => state.locks.get(lock) === lease));
  for (const lease of possible) {
    if (fits()) break;
    settle(pool, lease, 1);
    victims.push(lease);
  }
  return victims.length > 0 && fits() ? victims : null;
}

function costOf(task: Task, victims: readonly Lease[]): number[] {
  const { demand } = task.requirementClass;
  const surplus = victims.reduce(
    (sum, lease) => {
      const held = lease.task.requirementClass.demand;
      return sum + held.cpu + held.memoryGb + held.gpu;
    },
    -(demand.cpu + demand.memoryGb + demand.gpu),
  );
  const latest = Math.max(...victims.map((lease) => lease.leasedAtMs));
  return [Math.max(...victims.map((lease) => lease.task.spec.priority)), victims.length, surplus, -latest];
}

/** The lowest priority for which any lease would have to make room; above all priorities when none would. O(priorities). */
export function leastUrgent(state: State): number {
  const lowest = state.watch.preemptible.findIndex((count) => count > 0);
  return lowest < 0 ? Number.POSITIVE_INFINITY : lowest + PREEMPTION_GAP;
}

/**
 * Makes room for the first waiting task that may have it: a claim on the worker, and its victims called back. Null when there
 * is none. O(1) while no priorities lie far enough apart. `tried`: classes for which there was no room in this pass.
 */
export function nextPreemption(state: State, tried: ClassSet): JournalEvent[] | null {
  const least = leastUrgent(state);
  if (least === Number.POSITIVE_INFINITY) return null;
  for (;;) {
    const task = urgentTask(state, least, tried);
    if (!task) return null;
    const preemption = choosePreemption(state, task);
    if (preemption) return preemptionEvents(task, preemption);
    tried.add(task.requirementClass.index);
  }
}

function urgentTask(state: State, least: number, tried: ClassSet): Task | undefined {
  const headOf = (leaf: ShareNode): Task | undefined => {
    for (const [one, line] of leaf.queues) {
      const head = line.tasks.peek();
      if (head && head.spec.priority >= least && !tried.has(one.index) && !state.claims.has(head)) return head;
    }
    return undefined;
  };
  const leaf = bestLeaf(state.tree, (node) => node.topPriority >= least && (!node.isRun || headOf(node) !== undefined));
  return leaf && headOf(leaf);
}

function preemptionEvents(task: Task, { worker, victims }: Preemption): JournalEvent[] {
  return [
    { type: "claim_opened", runId: task.run.runId, taskId: task.taskId, workers: [worker.workerId] },
    ...victims.map((lease) =>
      revocation(lease, {
        running: true,
        reason: `makes room for task ${task.taskId} of priority ${task.spec.priority}`,
        by: task,
      }),
    ),
  ];
}
