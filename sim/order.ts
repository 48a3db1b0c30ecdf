import type { JournalEventOf } from "../src/contracts/index.ts";
import { isReady, misfit, shortage } from "./books.ts";
import type { TaskBook, WorkerBook } from "./books.ts";
import { keysOf } from "./ledger.ts";
import type { Ledger } from "./ledger.ts";
import { demand } from "./violation.ts";

const AGEING_MS = 6_000;
/** Ten points of priority are worth four times the share. */
const PER_POINT = Math.log(4) / 10;
/** So much better must a task be before it counts: what is equal but for rounding is equal. */
const CLEARLY = 1e-5;

/**
 * S14: when a worker got this task, no other that it could have taken at that moment stood before it. Worked out from the books
 * by looking at every task, just before the lease is entered.
 */
export function checkOrder(ledger: Ledger, event: JournalEventOf<"attempt_leased">, atMs: number): void {
  const task = ledger.runs.get(event.runId)?.tasks.get(event.taskId);
  const worker = ledger.workers.get(event.workerId);
  if (!task || !worker || task.run.checks !== null || task.leases.length > 0 || ledger.claims.has(task)) return;
  // One that a busy worker holds in reserve: what may not be held so is passed over.
  if (worker.leases.size >= worker.slots) return;
  const normal = [...ledger.runs.values()].filter((run) => run.checks === null);
  const ready = normal.flatMap((run) => [...run.tasks.values()].filter(isReady));
  const tops = topPriorities(ready);
  const place = placeOf(ledger, tops, task);
  const horizonMs = horizonOf(ledger, ready);
  for (const other of ready) {
    // So little waits that it may be better to wait for another machine; then nobody can say from outside who comes first.
    if (other === task || plannedMs(other) > horizonMs / 4 || !couldTake(ledger, { task: other, worker })) continue;
    const others = placeOf(ledger, tops, other);
    demand(!comesBefore(others, place), "S14", () => {
      const name = ({ run, id, spec }: TaskBook): string => `${run.runId}/${id} (priority ${spec.priority})`;
      return `${worker.workerId} got ${name(task)} at ${atMs} before ${name(other)}: ${JSON.stringify([place, others])}`;
    });
  }
}

function couldTake(ledger: Ledger, at: { task: TaskBook; worker: WorkerBook }): boolean {
  const { task, worker } = at;
  if (ledger.claims.has(task) || task.spec.group !== undefined) return false;
  if (misfit(task, worker.capabilities) !== null || shortage(task, worker, null) !== null) return false;
  const { exclusive, locks = [] } = task.spec.resources;
  if (exclusive === true || task.spec.type === "benchmark" || locks.some((lock) => ledger.locks.has(lock)))
    return false;
  return !overQuota(ledger, task);
}

function overQuota(ledger: Ledger, { run }: TaskBook): boolean {
  const { pool, user } = run;
  const poolMax = ledger.shares.get(`pool:${pool}`)?.maxRunning ?? Infinity;
  const userMax = ledger.shares.get(`user:${user}`)?.maxRunning ?? Infinity;
  return (ledger.running.get(pool) ?? 0) >= poolMax || (ledger.running.get(`${pool}/${user}`) ?? 0) >= userMax;
}

const plannedMs = ({ id }: TaskBook): number => Number(id.slice(id.indexOf(".") + 1, id.lastIndexOf(".")));

/** How long all that waits keeps all workers busy. */
function horizonOf(ledger: Ledger, ready: readonly TaskBook[]): number {
  let slots = 0;
  for (const worker of ledger.workers.values()) if (worker.ready && !worker.draining) slots += worker.slots;
  return ready.reduce((sum, one) => sum + plannedMs(one), 0) / Math.max(slots, 1);
}

function topPriorities(ready: readonly TaskBook[]): Map<string, number> {
  const tops = new Map<string, number>();
  for (const { run, spec } of ready)
    for (const key of keysOf(run)) tops.set(key, Math.max(tops.get(key) ?? 0, spec.priority));
  return tops;
}

interface Place {
  /** Pool, user, run: name and score. */
  levels: [string, number][];
  rank: number;
}

function placeOf(ledger: Ledger, tops: ReadonlyMap<string, number>, task: TaskBook): Place {
  const levels = keysOf(task.run).map((key, level): [string, number] => {
    const share = level === 0 ? `pool:${task.run.pool}` : `user:${task.run.user}`;
    const weight = level === 2 ? 1 : (ledger.shares.get(share)?.weight ?? 1);
    const use = Math.log(((ledger.running.get(key) ?? 0) + 1) / weight);
    return [key, use - PER_POINT * ((tops.get(key) ?? 0) - (ledger.served.get(key) ?? 0) / AGEING_MS)];
  });
  return { levels, rank: Math.floor(task.readySinceMs / AGEING_MS) - task.spec.priority };
}

function comesBefore(a: Place, b: Place): boolean {
  for (const [level, [key, score]] of a.levels.entries()) {
    const [otherKey, otherScore] = b.levels[level] ?? ["", 0];
    if (key !== otherKey) return score < otherScore - CLEARLY;
  }
  return a.rank < b.rank;
}

interface UserFacts {
  key: string;
  waiting: number;
  weight: number;
  running: number;
}

function usersOf(ledger: Ledger): UserFacts[] {
  return [...ledger.waiting]
    .filter(([key]) => key.includes("/"))
    .map(([key, waiting]) => {
      const weight = ledger.shares.get(`user:${key.split("/")[1]}`)?.weight ?? 1;
      return { key, waiting, weight, running: ledger.running.get(key) ?? 0 };
    });
}

/** Whether so many users have something that waits. */
export function allWait(ledger: Ledger, count: number): boolean {
  return usersOf(ledger).filter(({ waiting }) => waiting > 0).length === count;
}

/** S15: nobody holds more than a fair share while another, who also waits, holds less: the division of d'Hondt. */
export function checkFairness(ledger: Ledger): void {
  const users = usersOf(ledger);
  for (const poor of users) {
    for (const rich of users) {
      const fair = (rich.running - 1) / rich.weight <= (poor.running + 1) / poor.weight + CLEARLY;
      demand(fair, "S15", () => `${rich.key} holds ${rich.running}, ${poor.key} only ${poor.running}`);
    }
  }
}
