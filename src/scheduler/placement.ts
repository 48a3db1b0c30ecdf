import type { JournalEvent, JournalEventOf } from "../contracts/index.ts";
import { ClassSet } from "./class-set.ts";
import { needsClaim, openClaim, settleClaim, dropClaim } from "./claims.ts";
import { cacheKeyOf, machineKey, speedOf } from "./estimates.ts";
import { expectedFor, expectedOn, latestOn } from "./expectation.ts";
import { seatGroup } from "./groups.ts";
import type { Seat } from "./groups.ts";
import { horizonOf, isBetterLater, isWithin, optimisticHorizonMs } from "./horizon.ts";
import type { Horizon } from "./horizon.ts";
import { isLess } from "./is-less.ts";
import { leastUrgent } from "./preemption.ts";
import type { Profile } from "./profile.ts";
import { reservable } from "./resources.ts";
import { nextTask } from "./share-tree.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** Profiles and workers that are compared for one placement: enough to find a good one, few enough to stay cheap. */
const MAX_PROFILES = 64;
const MAX_CANDIDATES = 4;
/** What a warm cache is worth. */
const WARM_FACTOR = 0.8;
/** One task in so many is placed as if nothing were known, so that estimates do not freeze. */
const EXPLORE_ONE_IN = 32;
const EXPLORE_MARGIN = 8;
/**
 * A task that is expected to take longer is not held in reserve by a busy worker: the round trip that a reserve saves is small
 * against it, and what is bound early cannot go to whoever is free first.
 */
const LONG_MS = 2_000;
/** Up to this a task is about as long as its round trip: always held in reserve. */
const SHORT_MS = 100;
/** While less waits than keeps all workers busy for so many times its length, a task is not held in reserve. */
const RESERVE_ROUNDS = 4;
/** How far down a queue a slow worker looks for a task that it can finish in time. */
const MAX_SHORTER = 256;

/** One sweep over what waits: what was found out in it holds until its end. */
export interface Pass {
  readonly nowMs: number;
  /** Classes for which no place was found. */
  readonly stuck: ClassSet;
  horizon: Horizon | undefined;
}

export function newPass(nowMs: number): Pass {
  return { nowMs, stuck: new ClassSet(), horizon: undefined };
}

/**
 * The next leases to grant, all of which must go into one batch; or a claim to open; null when nothing that waits fits a worker
 * that is free. Late binding: a worker gets no more than its credits, so what it could not start soon stays in the queue.
 */
export function nextLeases(state: State, pass: Pass): JournalEvent[] | null {
  for (;;) {
    const task = nextTask(state.tree, state.open, pass.stuck);
    if (!task) return null;
    const seats = seatsFor(state, task, pass);
    if (seats) return seats.map(leaseEvent);
    pass.stuck.add(task.requirementClass.index);
    const claim = needsClaim(state, task, pass.nowMs) ? openClaim(state, task) : null;
    if (claim) return [claim];
  }
}

/** What the oldest claims can be turned into: leases when all their workers are free, nothing when they never will be. */
export function settleClaims(state: State): JournalEvent[] | null {
  for (const claim of state.claims.values()) {
    const settled = settleClaim(state, claim);
    if (settled === null) continue;
    return typeof settled === "string" ? [dropClaim(claim, settled)] : settled.map(leaseEvent);
  }
  return null;
}

function seatsFor(state: State, task: Task, pass: Pass): Seat[] | null {
  if (task.group) return seatGroup(state, task.group, readyWorkers);
  const choice = chooseWorker(state, task);
  if (!choice) return null;
  const fitting = inTime(state, task, { choice, pass });
  return fitting && [{ task: fitting, worker: choice.worker, gpus: choice.gpus }];
}

function* readyWorkers(task: Task): Generator<WorkerRecord> {
  for (const profile of task.requirementClass.ready) yield* profile.idle;
}

export function leaseEvent({ task, worker, gpus }: Seat): JournalEventOf<"attempt_leased"> {
  const match = worker.profile.classes.get(task.requirementClass);
  return {
    type: "attempt_leased",
    runId: task.run.runId,
    taskId: task.taskId,
    attempt: task.past.length + task.leases.length + 1,
    workerId: worker.workerId,
    hardware: match?.hardware ?? null,
    ...(gpus.length > 0 ? { gpus: [...gpus] } : {}),
    ...(match && match.alternative > 0 ? { alternative: match.alternative } : {}),
  };
}

export interface Choice {
  worker: WorkerRecord;
  gpus: readonly number[];
  expected: number | null;
}

/**
 * The best worker for a task among those that take work now: one with a free slot before one that would hold it in reserve, then
 * one where it has not failed, the preferred requirements and platform, then the shortest expected time, less for a warm cache, and among equals the one
 * that has waited longest. O(profiles looked at + workers looked at), both bounded.
 */
export function chooseWorker(state: State, task: Task, but?: WorkerRecord): Choice | null {
  let best: { choice: Choice; cost: readonly number[] } | undefined;
  let left = MAX_PROFILES;
  for (const profile of task.requirementClass.ready) {
    if ((left -= 1) < 0) break;
    for (const choice of candidates(state, task, profile)) {
      if (choice.worker === but) continue;
      const cost = costOf(state, task, choice);
      if (!best || isLess(cost, best.cost)) best = { choice, cost };
    }
  }
  return best?.choice ?? null;
}

/** A few workers of a profile that can take the task now, one with a warm cache first. O(line) when resources are short, else O(1). */
function candidates(state: State, task: Task, profile: Profile): Choice[] {
  const { demand } = task.requirementClass;
  const found: Choice[] = [];
  const consider = (worker: WorkerRecord): void => {
    const gpus = reservable(state, worker, demand);
    if (gpus) found.push({ worker, gpus, expected: expectedOn(state, task, worker) });
  };
  for (const worker of warmWorkers(state, task)) {
    if (worker.profile !== profile || worker.standing !== "idle") continue;
    consider(worker);
    break;
  }
  const line = profile.idle.size > 0 ? profile.idle : mayReserve(state, task, profile) ? profile.spare : NOBODY;
  for (const worker of line) {
    if (found.length >= MAX_CANDIDATES) break;
    consider(worker);
  }
  return found;
}

const NOBODY: ReadonlySet<WorkerRecord> = new Set();

function warmWorkers(state: State, task: Task): Iterable<WorkerRecord> {
  const key = cacheKeyOf(task.spec);
  return (key === null ? undefined : state.warm.get(key)) ?? NOBODY;
}

/**
 * Whether a worker without a free slot may hold the task in reserve: not when it is known to be long, needs quiet, or could have
 * room made for it at once, nor near the end, when those who become free first should take what is left.
 */
function mayReserve(state: State, task: Task, profile: Profile): boolean {
  if (task.requirementClass.demand.exclusive || task.spec.priority >= leastUrgent(state)) return false;
  const expected = expectedFor(state, task, profile);
  if (expected === null || expected <= SHORT_MS) return true;
  return expected <= LONG_MS && RESERVE_ROUNDS * expected <= optimisticHorizonMs(state);
}

function costOf(state: State, task: Task, { worker, expected }: Choice): readonly number[] {
  const { profile } = worker;
  const match = profile.classes.get(task.requirementClass);
  const alternative = match?.alternative ?? 0;
  const wanted = task.requirementClass.needs.alternatives[alternative]?.hardware;
  const platform = match?.hardware ? (wanted?.indexOf(match.hardware) ?? 0) : 0;
  // Where it failed before it goes only when no other is as free.
  const failures = task.past.filter((past) => past.workerId === worker.workerId && past.failureClass !== null).length;
  return [
    worker.standing === "idle" ? 0 : 1,
    failures,
    alternative,
    platform,
    timeCost(state, task, { worker, expected }),
  ];
}

/** Expected time; by the speed of the machine alone when the work is unknown, and nothing when the task explores. */
function timeCost(state: State, task: Task, at: Pick<Choice, "worker" | "expected">): number {
  if (explores(state, task, at.expected)) return 0;
  const { profile, pace } = at.worker;
  const isWarm = [...warmWorkers(state, task)].includes(at.worker);
  if (at.expected !== null) return isWarm ? at.expected * WARM_FACTOR : at.expected;
  return (isWarm ? WARM_FACTOR : 1) * (Math.exp(pace) / speedOf(state.estimates, machineKey(profile, null)));
}

/** Now and then a task goes to any worker that fits, as long as it would end well before all else even if the estimate were wrong. */
function explores(state: State, task: Task, expected: number | null): boolean {
  if (task.order % EXPLORE_ONE_IN !== 0 || expected === null) return false;
  return EXPLORE_MARGIN * expected <= optimisticHorizonMs(state);
}

/**
 * The task to start on the chosen worker: itself, unless another machine would end it sooner although it has to wait for it. Then
 * the worker gets the longest task of the same queue that it can end before all is done, or null to stay free.
 */
function inTime(state: State, task: Task, at: { choice: Choice; pass: Pass }): Task | null {
  const { pass } = at;
  const { worker } = at.choice;
  if (worker.standing !== "idle") return task;
  const hereMs = latestOn(state, task, worker);
  if (hereMs === null || hereMs <= optimisticHorizonMs(state)) return task;
  const horizon = (pass.horizon ??= horizonOf(state, pass.nowMs));
  if (isWithin(horizon, task, hereMs) || !isBetterLater(state, task, { hereMs, horizon, all: false })) return task;
  const queue = task.run.node.queues.get(task.requirementClass);
  // Members of a group start together or not at all.
  const ends = (other: Task): boolean => !other.group && isWithin(horizon, other, latestOn(state, other, worker) ?? 0);
  const shorter = queue?.tasks.first(ends, MAX_SHORTER);
  if (shorter) return shorter;
  // All that waits is too long for it: worth leaving to the faster ones only if they end all of it sooner.
  return isBetterLater(state, task, { hereMs, horizon, all: true }) ? null : task;
}
