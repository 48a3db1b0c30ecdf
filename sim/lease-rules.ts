import { dependencyCondition, dependencyTask } from "../src/contracts/index.ts";
import type { DependencyCondition, TaskState } from "../src/contracts/index.ts";
import { isExclusive, isOver, isReady } from "./books.ts";
import type { TaskBook, WorkerBook } from "./books.ts";
import type { Ledger } from "./ledger.ts";
import { demand } from "./violation.ts";

/** Whether an end is what a dependent waited for. */
export function meets(condition: DependencyCondition, end: TaskState): boolean {
  return condition === "always" || (condition === "success" ? end === "completed" : end === "failed");
}

/** S3, S4, S10, S12: the task is free to be leased. */
export function mayBeLeased(task: TaskBook, worker: WorkerBook, where: () => string): void {
  const [running] = task.leases;
  const hedges = task.spec.hedge === true && task.leases.length === 1 && task.state === "running";
  demand(running === undefined || hedges, "S3", () => `${where()} is leased twice`);
  demand(running?.worker !== worker, "S3", () => `${where()} is hedged on its own worker`);
  demand(running !== undefined || isReady(task), "S4", () => `${where()} is ${task.state}`);
  demand(!task.run.cancelRequested && !task.cancelRequested, "S12", () => `${where()} is cancelled`);
  for (const one of task.spec.depends_on) {
    const end = task.run.tasks.get(dependencyTask(one))?.state ?? "blocked";
    demand(
      isOver(end) && meets(dependencyCondition(one), end),
      "S10",
      () => `${where()} depends on ${dependencyTask(one)}`,
    );
  }
}

/** S19: the worker takes work, or has its own health checked, which this is then. */
export function takesWork({ run: { checks } }: TaskBook, worker: WorkerBook, where: () => string): boolean {
  demand(checks === null || checks === worker.workerId, "S19", () => `${where()} checks ${checks}`);
  demand(worker.ready || (checks !== null && worker.online), "S19", () => `${where()}: the worker takes no work`);
  return checks !== null;
}

/** S9: nothing on the machine or in the cluster forbids it. */
export function machineIsFree(
  ledger: Ledger,
  { task, worker }: { task: TaskBook; worker: WorkerBook },
  where: () => string,
): void {
  const { hostname } = worker.capabilities;
  for (const other of ledger.workers.values()) {
    if (other.capabilities.hostname !== hostname) continue;
    for (const lease of other.leases) {
      demand(!isExclusive(task), "S9", () => `${where()} is exclusive, and ${lease.task.id} runs there`);
      demand(!isExclusive(lease.task), "S9", () => `${where()} joins the exclusive ${lease.task.id}`);
    }
  }
  for (const lock of task.spec.resources.locks ?? []) {
    const holder = ledger.locks.get(lock);
    demand(holder === undefined, "S9", () => `${where()}: ${lock} is held by lease ${holder?.seq}`);
  }
}

function room(ledger: Ledger, { run: { pool, user } }: TaskBook): number {
  const left = (share: string, key: string): number =>
    (ledger.shares.get(share)?.maxRunning ?? Infinity) - (ledger.running.get(key) ?? 0);
  return Math.min(left(`pool:${pool}`, pool), left(`user:${user}`, `${pool}/${user}`));
}

/** The next lease is the last that the quota allows. */
export const isAtQuota = (ledger: Ledger, task: TaskBook): boolean => room(ledger, task) <= 1;

/** S15: the quota of its pool and user allows one more. */
export function withinQuota(ledger: Ledger, task: TaskBook, where: () => string): void {
  demand(room(ledger, task) > 0, "S15", () => `${where()}: the quota is used up`);
}
