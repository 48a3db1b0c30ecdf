import { isoTime } from "../base/index.ts";
import { dependencyTask } from "../contracts/index.ts";
import type { Explanation } from "../contracts/index.ts";
import { evidenceText } from "./avoidance.ts";
import { openDependencies } from "./dependencies.ts";
import { isStartable, openMembers } from "./groups.ts";
import { optimisticHorizonMs } from "./horizon.ts";
import { fit } from "./match.ts";
import { choosePreemption } from "./preemption.ts";
import { shortages } from "./resources.ts";
import { POISON_AFTER_WORKERS, lostUnder } from "./retry.ts";
import { comparePlaces, quotaAbove } from "./share-tree.ts";
import { isTerminal } from "./state.ts";
import type { Lease, State, Task, WorkerRecord } from "./state.ts";

/** Why a task waits, or what it is doing. O(tasks + workers): for people, not for the dispatch loop. */
export function explain(state: State, task: Task): Explanation {
  const workers = [...state.workers.values()].map((worker) => view(state, worker, task));
  const isReady = task.state === "queued" && task.notBeforeMs === 0;
  const room = isReady ? choosePreemption(state, task) : null;
  const [victim] = room?.victims ?? makingRoom(state, task);
  const facts = {
    run_id: task.run.runId,
    task_id: task.taskId,
    state: task.state,
    waiting_for: isTerminal(task.state) ? [] : openDependencies(task, isTerminal),
    not_before: task.notBeforeMs > 0 ? isoTime(task.notBeforeMs) : null,
    ahead: isReady ? tasksAhead(state, task).length : null,
    expected_start: isReady ? expectedStart(state, task) : null,
    would_preempt: victim
      ? {
          run_id: victim.task.run.runId,
          task_id: victim.task.taskId,
          worker_id: victim.workerId,
          priority: victim.task.spec.priority,
        }
      : null,
    claimed: [...(state.claims.get(task)?.workers ?? [])],
    workers,
  };
  return { ...facts, summary: summarise(state, task, facts) };
}

/** What was called back on the workers that are kept free for the task, and still runs there. */
function makingRoom(state: State, task: Task): Lease[] {
  return [...(state.claims.get(task)?.held ?? [])].flatMap(({ leases }) =>
    [...leases.values()].filter(({ revoked }) => revoked === "running"),
  );
}

function view(state: State, worker: WorkerRecord, task: Task): Explanation["workers"][number] {
  const { needs, demand } = task.requirementClass;
  const result = fit(needs, worker.capabilities);
  const reasons = result.fits ? [] : [...result.reasons];
  const { claim, machine, profile } = worker;
  const avoidedBy = task.requirementClass.avoided.get(profile)?.avoidedBy;
  if (avoidedBy && !profile.classes.has(task.requirementClass))
    reasons.push(`is avoided until ${isoTime(avoidedBy.untilMs)} (${evidenceText(avoidedBy)})`);
  if (worker.state !== "ready") reasons.push(whyNotReady(state, worker));
  else if (worker.check?.state === "queued") reasons.push("is about to have its health checked");
  else if (worker.leases.size >= worker.slots)
    reasons.push(`has no free slot: holds ${worker.leases.size} leases on ${worker.slots} slots`);
  else if (claim && claim.task !== task) reasons.push(`is kept free for task ${claim.task.taskId}`);
  else if (machine.exclusive)
    reasons.push(`its machine ${machine.hostname} is held by task ${machine.exclusive.task.taskId} alone`);
  if (result.fits) reasons.push(...shortages(state, worker, demand));
  return { worker_id: worker.workerId, fits: result.fits, reasons };
}

function whyNotReady(state: State, worker: WorkerRecord): string {
  const { workerId, steadiness } = worker;
  const quarantine = state.quarantines.get(workerId);
  if (worker.state === "quarantined" && quarantine) return `is in quarantine: ${quarantine.reason}`;
  if (worker.state !== "flapping") return `is ${worker.state}`;
  return `connected again and again: gets no new work until ${isoTime(steadiness.heldUntilMs ?? state.nowMs)}`;
}

/** Ready tasks that come first and that some worker of the task could take. */
function tasksAhead(state: State, task: Task): Task[] {
  const profiles = [...state.profiles.values()].filter(({ classes }) => classes.has(task.requirementClass));
  const shares = new Map<Task["requirementClass"], boolean>();
  const found: Task[] = [];
  for (const run of state.runs.values()) {
    for (const [one, { tasks }] of run.node.queues) {
      let shared = shares.get(one);
      if (shared === undefined) shares.set(one, (shared = profiles.some(({ classes }) => classes.has(one))));
      if (shared) found.push(...tasks.values().filter((other) => other !== task && comparePlaces(other, task) < 0));
    }
  }
  return found;
}

/** When it would start if all went as expected: its workers take what is ahead of it first. Null when durations are unknown. */
function expectedStart(state: State, task: Task): string | null {
  const ahead = tasksAhead(state, task).reduce((sum, other) => sum + other.expectedWork, 0);
  const fitting = [...state.workers.values()].filter(
    (worker) => worker.state === "ready" && worker.profile.classes.has(task.requirementClass),
  );
  if (!Number.isFinite(ahead) || fitting.length === 0) return null;
  if (fitting.some(({ standing }) => standing === "idle") && ahead === 0) return isoTime(state.nowMs);
  const free = fitting.map((worker) => freeAtMs(state, worker)).filter((atMs) => atMs !== null);
  if (free.length === 0) return null;
  const share = state.load.waitingMs > 0 ? (ahead / state.load.waitingMs) * optimisticHorizonMs(state) : 0;
  return isoTime(Math.round(Math.min(...free) + share));
}

/** When a worker has a free slot; null when it holds something of unknown duration. */
function freeAtMs(state: State, worker: WorkerRecord): number | null {
  if (worker.leases.size < worker.slots) return state.nowMs;
  const ends = [...worker.leases.values()].map(({ leasedAtMs, expectedMs }) =>
    expectedMs === null ? Number.POSITIVE_INFINITY : leasedAtMs + expectedMs,
  );
  const first = Math.min(...ends);
  return Number.isFinite(first) ? Math.max(first, state.nowMs) : null;
}

function summarise(state: State, task: Task, facts: Omit<Explanation, "summary">): string {
  switch (task.state) {
    case "blocked":
      return `Waits for ${facts.waiting_for.join(", ") || task.spec.depends_on.map(dependencyTask).join(", ")}.`;
    case "queued":
      return whyQueued(state, task, facts);
    case "leased":
      return `Given to worker ${task.leases[0]?.workerId ?? "?"}, not started yet.`;
    case "running":
      return `Runs on ${task.leases.map(({ workerId, attempt }) => `worker ${workerId}, attempt ${attempt}`).join(", and on ")}.`;
    case "failed":
      return whyFailed(task);
    case "completed":
    case "cancelled":
    case "skipped":
      return `Is ${task.state}.`;
  }
}

function whyFailed(task: Task): string {
  const workers = task.failureClass === "worker_lost" ? lostUnder(task) : [];
  const poison = workers.length >= POISON_AFTER_WORKERS ? `, as poison: ${workers.join(", ")} were lost under it` : "";
  return `Failed (${task.failureClass ?? "unknown"}) after ${task.past.length} attempts${poison}.`;
}

function whyQueued(state: State, task: Task, facts: Omit<Explanation, "summary">): string {
  if (facts.not_before !== null) return `Failed ${task.past.length} times; tries again at ${facts.not_before}.`;
  if (task.group && !isStartable(task.group)) {
    const missing = openMembers(task.group).filter(
      ({ state: now, notBeforeMs }) => now !== "queued" || notBeforeMs > 0,
    );
    return `Starts together with ${missing.map(({ taskId }) => taskId).join(", ")}, which cannot start yet.`;
  }
  const quota = quotaAbove(task.run.node);
  if (quota) return `${quota.name} holds ${quota.running} leases, the most that its share allows.`;
  const fitting = facts.workers.filter((worker) => worker.fits);
  if (fitting.length === 0) return "No known worker fits its requirements.";
  if (state.claims.has(task)) return `Kept free for it: ${facts.claimed.join(", ")}; waits until what runs there ends.`;
  const avoided = fitting.filter((worker) => worker.reasons.some((reason) => reason.startsWith("is avoided"))).length;
  const left = avoided > 0 ? ` ${avoided} more would fit, and are avoided because they fail too often.` : "";
  const free = fitting.filter((worker) => worker.reasons.length === 0).length;
  if (free > 0 && facts.ahead === 0) return "About to start.";
  if (free > 0) return `${free} workers are free; ${facts.ahead ?? 0} tasks are ahead of it.`;
  return `${fitting.length - avoided} workers fit, none is free; ${facts.ahead ?? 0} tasks are ahead of it.${left}`;
}
