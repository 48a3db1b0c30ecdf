import type { WorkerId } from "../base/index.ts";
import type { JournalEvent, JournalEventOf } from "../contracts/index.ts";
import { openMembers, seatAll, seatGroup } from "./groups.ts";
import type { Seat } from "./groups.ts";
import { refreshStanding } from "./profile.ts";
import { reservable } from "./resources.ts";
import { quotaAbove } from "./share-tree.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** A task that only lacks room, on workers that are never empty, waits so long before one of them is kept free for it. */
export const CLAIM_AFTER_MS = 5_000;

/**
 * Workers that take nothing else until a task, with all of its group, can start on them. Without claims, work that needs a whole
 * machine, much of one, or several at once would wait for ever behind small tasks. A claim takes only workers that no other
 * claim has, and never waits for another, so claims cannot block each other.
 */
export interface Claim {
  readonly task: Task;
  readonly workers: readonly WorkerId[];
  /** Index: all that are kept free, with an exclusive claim the other workers of the machines too. */
  readonly held: Set<WorkerRecord>;
}

/** Whether a task that found no place now should have one kept free. */
export function needsClaim(state: State, task: Task, nowMs: number): boolean {
  if (state.claims.has(task)) return false;
  const { demand } = task.requirementClass;
  if (task.group) return true;
  if (demand.plain) return false;
  if (demand.exclusive) return true;
  return nowMs - task.readySinceMs >= CLAIM_AFTER_MS;
}

/** A claim for the task, or null when too few of its workers are unclaimed. O(workers of the class · members). */
export function openClaim(state: State, task: Task): JournalEventOf<"claim_opened"> | null {
  const members = task.group ? openMembers(task.group) : [task];
  const locks = members.flatMap((member) => [...member.requirementClass.demand.locks]);
  if (locks.some((lock) => state.locks.has(lock))) return null;
  const usable = new Map(members.map((member) => [member, claimable(state, member)]));
  const seats = seatAll(members, (member) => usable.get(member) ?? []);
  if (!seats) return null;
  const { runId } = task.run;
  return {
    type: "claim_opened",
    runId,
    taskId: task.taskId,
    workers: [...seats.values()].map(({ workerId }) => workerId),
  };
}

/** Workers that fit and that no claim has, the emptiest first. */
function claimable(state: State, task: Task): WorkerRecord[] {
  const one = task.requirementClass;
  const found: WorkerRecord[] = [];
  for (const worker of state.workers.values()) {
    if (worker.state !== "ready" || worker.claim || !worker.profile.classes.has(one)) continue;
    if (one.demand.exclusive && [...worker.machine.workers].some((other) => other.claim)) continue;
    found.push(worker);
  }
  const load = (worker: WorkerRecord): number => (one.demand.exclusive ? worker.machine.leases : worker.leases.size);
  return found.sort((a, b) => load(a) - load(b));
}

/** The seats of a claim when all of them are free now; a reason when it can never be met; null while it must wait. */
export function settleClaim(state: State, claim: Claim): Seat[] | string | null {
  const { task } = claim;
  if (task.state !== "queued" || task.heapIndex < 0) return "the task does not wait any more";
  if (quotaAbove(task.run.node)) return "the quota of its share is used up";
  const workers: WorkerRecord[] = [];
  for (const workerId of claim.workers) {
    const worker = state.workers.get(workerId);
    if (worker?.state !== "ready") return `worker ${worker?.name ?? workerId} takes no work now`;
    // Gone and back, or moved to another machine: others may use it again.
    if (!claim.held.has(worker)) return `worker ${worker.name} came anew`;
    workers.push(worker);
  }
  const members = task.group ? openMembers(task.group) : [task];
  if (!members.every((one) => workers.some(({ profile }) => profile.classes.has(one.requirementClass))))
    return "a worker does not fit any more";
  const free = workers.filter((worker) => worker.leases.size < worker.slots && !worker.machine.exclusive);
  if (task.group) {
    const fits = (one: Task): WorkerRecord[] => free.filter(({ profile }) => profile.classes.has(one.requirementClass));
    return seatGroup(state, task.group, fits);
  }
  const [worker] = free;
  const gpus = worker && reservable(state, worker, task.requirementClass.demand);
  return worker && gpus ? [{ task, worker, gpus }] : null;
}

export function dropClaim(claim: Claim, reason: string): JournalEvent {
  return { type: "claim_dropped", runId: claim.task.run.runId, taskId: claim.task.taskId, reason };
}

/** Applies `claim_opened`. */
export function evolveClaim(state: State, task: Task, workers: readonly WorkerId[]): void {
  const claim: Claim = { task, workers, held: new Set() };
  state.claims.set(task, claim);
  for (const workerId of workers) {
    const worker = state.workers.get(workerId);
    if (!worker) continue;
    const all = task.requirementClass.demand.exclusive ? worker.machine.workers : [worker];
    for (const one of all) hold(state, claim, one);
  }
}

function hold(state: State, claim: Claim, worker: WorkerRecord): void {
  if (worker.claim) return;
  worker.claim = claim;
  claim.held.add(worker);
  refreshStanding(state, worker);
}

/** A worker came to a machine: one that is claimed as a whole is claimed with it. */
export function joinClaims(state: State, worker: WorkerRecord): void {
  for (const other of worker.machine.workers)
    if (other.claim?.task.requirementClass.demand.exclusive) return hold(state, other.claim, worker);
}

export function leaveClaim(worker: WorkerRecord): void {
  worker.claim?.held.delete(worker);
  worker.claim = null;
}

/** Ends a task's claim, if it has one: its workers take other work again. */
export function endClaim(state: State, task: Task): void {
  const claim = state.claims.get(task);
  if (!claim) return;
  state.claims.delete(task);
  for (const worker of claim.held) {
    worker.claim = null;
    refreshStanding(state, worker);
  }
}
