import { asRunId, asTaskId, hashText } from "../base/index.ts";
import type { RunId } from "../base/index.ts";
import { taskSpec } from "../contracts/index.ts";
import type { AttemptOutcome, CapabilityDocument, FailureClass, JournalEvent, TaskSpec } from "../contracts/index.ts";
import { refreshStanding } from "./profile.ts";
import type { Run, State, Task, TerminalState, WorkerRecord } from "./state.ts";
import { armWorker } from "./timers.ts";

/** A worker on which so many attempts failed one after the other, and not because the test said no, gets no more of them. */
export const QUARANTINE_AFTER_FAILURES = 10;
/** Who health checks run for: nobody's share. */
export const HEALTH_OWNER = "assay/health";
/** The next check after one that failed: twice as long each time, at most the second. */
const FIRST_WAIT_MS = 60_000;
export const LONGEST_WAIT_MS = 30 * 60_000;
/** A check that came to no verdict is made again. */
const RETRY_MS = 60_000;
const CHECK_TIMEOUT_SECONDS = 30;

/** What is known of a worker's health. */
export interface Health {
  /** Attempts that failed since one that did not; those of a worker that was lost count as one. */
  failuresInARow: number;
  /** The run that all of them belong to, whose fault they may be; null when there are several. */
  failingRun: RunId | null;
  /** Failed checks and quarantines since anything went well: what the back-off counts. */
  setbacks: number;
  /** When it is checked next; null for never, and while a check is under way. */
  checkAtMs: number | null;
}

/** Why a worker gets health checks only. `by`: the person who wants it so, and who must end it; null for the scheduler. */
export interface Quarantine {
  reason: string;
  by: string | null;
  sinceMs: number;
}

export function healthy(): Health {
  return { failuresInARow: 0, failingRun: null, setbacks: 0, checkAtMs: null };
}

/** Counts an attempt that ended on a worker; its lease is given back. O(1), but for a timer now and then. */
export function countAttempt(
  state: State,
  worker: WorkerRecord,
  end: { runId: RunId; outcome: AttemptOutcome; failureClass: FailureClass | null },
): void {
  const { health } = worker;
  const { runId, outcome, failureClass } = end;
  // A test that said no was a test that ran.
  if (outcome === "succeeded" || failureClass === "assertion") {
    health.failuresInARow = 0;
    health.setbacks = 0;
    return postpone(state, worker);
  }
  if (failureClass === null || failureClass === "cancelled") return;
  if (failureClass === "worker_lost" && worker.leases.size > 0) return;
  health.failingRun = health.failuresInARow === 0 || health.failingRun === runId ? runId : null;
  health.failuresInARow += 1;
  if (health.failuresInARow < QUARANTINE_AFTER_FAILURES || state.quarantines.has(worker.workerId)) return;
  if (state.due.health.has(worker)) return;
  // One run alone may fail everywhere, and must not take the workers from all others: a check is made at once, every time.
  if (health.failingRun === null) health.setbacks += 1;
  state.due.health.set(worker, {
    isHealthy: false,
    reason: `${QUARANTINE_AFTER_FAILURES} attempts in a row failed, the last one with ${failureClass}`,
  });
}

/** A worker that does its work need not be checked; the timer is touched seldom. */
function postpone(state: State, worker: WorkerRecord): void {
  const { checkAtMs } = worker.health;
  if (checkAtMs === null || checkAtMs - state.nowMs > state.healthCheckMs / 2) return;
  if (!state.quarantines.has(worker.workerId)) schedule(state, worker, state.healthCheckMs);
}

/** Applies the end of a check. */
export function settleCheck(state: State, task: Task, end: TerminalState): void {
  state.checks.delete(task);
  const worker = checkedBy(state, task.run);
  if (!worker) return;
  worker.check = null;
  const quarantine = state.quarantines.get(worker.workerId);
  if (end === "completed") {
    if (!quarantine) worker.health.setbacks = 0;
    else if (quarantine.by === null)
      state.due.health.set(worker, { isHealthy: true, reason: "its health check passed" });
    schedule(state, worker, state.healthCheckMs);
  } else if (end === "failed" && task.failureClass !== "worker_lost") {
    worker.health.setbacks += 1;
    if (!quarantine)
      state.due.health.set(worker, { isHealthy: false, reason: `its health check failed (${task.failureClass})` });
    schedule(state, worker, waitMs(worker));
  } else schedule(state, worker, RETRY_MS);
  refreshStanding(state, worker);
}

/** What follows from how attempts and checks ended, one worker at a time. */
export function healthEvent(state: State): JournalEvent | undefined {
  for (const [{ workerId }, { isHealthy, reason }] of state.due.health)
    return { type: isHealthy ? "worker_released" : "worker_quarantined", workerId, reason, by: null };
  return undefined;
}

/** Applies `worker_quarantined`, but for the worker's state. */
export function enterQuarantine(state: State, worker: WorkerRecord, { reason, by }: Omit<Quarantine, "sinceMs">): void {
  state.due.health.delete(worker);
  state.quarantines.set(worker.workerId, { reason, by, sinceMs: state.nowMs });
  if (!worker.check) schedule(state, worker, waitMs(worker));
}

/** Applies `worker_released`, but for the worker's state. */
export function leaveQuarantine(state: State, worker: WorkerRecord): void {
  state.due.health.delete(worker);
  state.quarantines.delete(worker.workerId);
  worker.health.failuresInARow = 0;
  if (!worker.check) schedule(state, worker, state.healthCheckMs);
}

/** A worker came: its next check, at another time than those of the others that came with it. */
export function planCheck(state: State, worker: WorkerRecord): void {
  const { health, workerId } = worker;
  if (health.checkAtMs !== null || worker.check) return;
  if (state.quarantines.has(workerId)) schedule(state, worker, waitMs(worker));
  else schedule(state, worker, state.healthCheckMs * (0.5 + hashText(workerId) / 2 ** 33));
}

/** Whoever asked for a quarantine ends it; without checks, a healthy worker has none to come, and one in quarantine its trial. */
function schedule(state: State, worker: WorkerRecord, delayMs: number): void {
  const quarantine = state.quarantines.get(worker.workerId);
  const isChecked = quarantine ? quarantine.by === null : state.healthCheckMs > 0 && canCheck(worker.capabilities);
  worker.health.checkAtMs = isChecked ? state.nowMs + Math.round(delayMs) : null;
  armWorker(state, worker);
}

/** The first setback is looked at without delay, where there is a check to look with. */
function waitMs({ health: { setbacks }, capabilities }: WorkerRecord): number {
  const doublings = canCheck(capabilities) ? setbacks - 2 : setbacks - 1;
  return doublings < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** doublings, LONGEST_WAIT_MS);
}

/** What is due for a worker whose check is: the check; where there is none for it, another chance. */
export function checkDue(state: State, worker: WorkerRecord): JournalEvent[] {
  const { workerId, capabilities } = worker;
  const [pool] = capabilities.pools;
  if (!canCheck(capabilities) || pool === undefined)
    return [{ type: "worker_released", workerId, reason: "no health check fits it: it gets another chance", by: null }];
  return [
    {
      type: "run_submitted",
      runId: asRunId(`health-${state.seq + 1}`),
      name: "health-check",
      submittedBy: HEALTH_OWNER,
      idempotencyKey: null,
      digest: "",
      waitForCapacity: true,
      pool,
      tasks: [checkSpec()],
      checks: workerId,
    },
  ];
}

const canCheck = ({ task_types: types, pools }: CapabilityDocument): boolean =>
  types.includes("command") && pools.length > 0;

/** Starts a shell and writes to the disk. */
function checkSpec(): TaskSpec {
  return taskSpec.parse({
    task_id: asTaskId("check"),
    type: "command",
    priority: 100,
    config: { command: "echo healthy>check.txt" },
    timeout_seconds: CHECK_TIMEOUT_SECONDS,
    retry_policy: { max_retries: 0 },
    preemptible: false,
  });
}

/** A check waits for its worker: it stands in no queue, and the worker takes nothing else before it. */
export function awaitCheck(state: State, task: Task): void {
  state.checks.add(task);
  const worker = beginCheck(state, task);
  if (worker) refreshStanding(state, worker);
}

/** Notes the check that a worker has to come or under way. */
export function beginCheck(state: State, task: Task): WorkerRecord | undefined {
  const worker = checkedBy(state, task.run);
  if (!worker) return undefined;
  worker.check = task;
  worker.health.checkAtMs = null;
  armWorker(state, worker);
  return worker;
}

/** A check that can start, and its worker. O(checks that wait). */
export function nextCheck(state: State): { task: Task; worker: WorkerRecord } | undefined {
  for (const task of state.checks) {
    const worker = checkedBy(state, task.run);
    if (worker && takesCheck(worker)) return { task, worker };
  }
  return undefined;
}

function takesCheck({ state, leases, slots, credits, claim, machine }: WorkerRecord): boolean {
  const isOnline = state === "ready" || state === "quarantined";
  return isOnline && leases.size < Math.min(slots, credits) && !claim && !machine.exclusive;
}

/** Its worker is gone: a check that waits for it waits in vain. */
export function dropCheck({ check, name }: WorkerRecord): JournalEvent[] {
  if (check?.state !== "queued") return [];
  return [{ type: "run_cancelled", runId: check.run.runId, by: HEALTH_OWNER, reason: `worker ${name} is gone` }];
}

function checkedBy(state: State, { checks }: Run): WorkerRecord | undefined {
  return checks === undefined ? undefined : state.workers.get(checks);
}

/** A worker leaves: what a person decided about it holds, should it come back. */
export function forgetHealth(state: State, worker: WorkerRecord): void {
  state.due.health.delete(worker);
  if (state.quarantines.get(worker.workerId)?.by === null) state.quarantines.delete(worker.workerId);
}
