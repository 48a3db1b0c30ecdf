import type { JournalEventOf, ResultDocument } from "../src/contracts/index.ts";
import { isExclusive } from "./books.ts";
import type { LeaseBook, TaskBook } from "./books.ts";
import type { Coverage } from "./coverage.ts";
import { isLate } from "./hearsay.ts";
import { demand } from "./violation.ts";

/** So many different workers may be lost under a task, and so often may one be. */
const POISON = 3;
const MAX_LOSSES = 10;

/** S2, S3, S12, S13: what becomes of a task after an attempt. The lease is already given back, the failure counted. */
export function checkVerdict(task: TaskBook, event: JournalEventOf<"attempt_finished">, coverage: Coverage): void {
  const { after, outcome } = event;
  const failure = event.failure?.class ?? null;
  const where = (): string => `${task.id} of ${task.run.runId} after ${outcome} (${failure})`;
  if (after.state === "running")
    return demand(task.leases.length > 0, "S3", () => `${where()} goes on without an attempt`);
  demand(task.leases.length === 0, "S3", () => `${where()} is ${after.state} while an attempt runs`);
  const count = failure === null ? 0 : (task.failures.get(failure) ?? 0);
  const isPoison = task.lostUnder.size >= POISON;
  const isOver =
    failure === "worker_lost"
      ? isPoison || count >= MAX_LOSSES || task.run.checks !== null
      : count > task.spec.retry_policy.max_retries;
  if (after.state === "queued") {
    demand(!task.cancelRequested && !task.run.cancelRequested, "S12", () => `${where()} is tried again`);
    const again = failure === null ? outcome === "preempted" : failure !== "assertion" && !isOver;
    return demand(again, "S13", () => `${where()} is tried again`);
  }
  if (outcome === "timed_out" && event.result === null) coverage.reached("deadline passed");
  if (after.state === "completed") demand(outcome === "succeeded", "S2", () => `${where()} is completed`);
  if (after.state === "cancelled")
    demand(task.cancelRequested || failure === "cancelled" || task.run.checks !== null, "S12", () => where());
  if (after.state !== "failed") return;
  demand(failure === "assertion" || isOver, "S13", () => `${where()} fails too early`);
  if (failure === "worker_lost")
    demand((event.failure?.reason === "poison") === isPoison, "S13", () => `${where()}: is it poison?`);
  if (failure === "worker_lost" && isPoison) coverage.reached("poison task");
  else if (failure !== "assertion") coverage.reached("attempts used up");
}

/** S2: an attempt has one result, which is of the same history of the store as its lease, or the lease is older than the backup. */
export function checkResult(
  { seq, attempt, task, history }: LeaseBook,
  { results }: ResultDocument,
  now: { history: number; coverage: Coverage },
): void {
  demand(!task.accepted.has(attempt), "S2", () => `two results of ${task.id}, attempt ${attempt}`);
  task.accepted.add(attempt);
  if (task.cancelRequested) now.coverage.reached("result after a cancellation");
  // What the worker knew when the attempt began.
  const made = Number(results["history"] ?? 1);
  demand(made >= history, "S2", () => `a result of history ${made} for lease ${seq} of history ${history}`);
  if (now.history > history) now.coverage.reached("lease of before the backup went on");
}

/** S13, L3: a task is tried again when its time has come, and not much later where nothing goes wrong. */
export function checkRetry({ id, notBeforeMs }: TaskBook, { prompt, atMs }: { prompt: boolean; atMs: number }): void {
  demand(notBeforeMs > 0 && notBeforeMs <= atMs, "S13", () => `${id} is tried again too early`);
  const isTooLate = isLate(prompt, { dueMs: notBeforeMs, atMs });
  demand(!isTooLate, "L3", () => `${id} is tried again ${atMs - notBeforeMs} ms late`);
}

/** S3: an attempt leaves something for the next one. */
export function noteProgress(task: TaskBook, { leaseSeq, payload }: JournalEventOf<"attempt_progressed">): void {
  demand(
    task.leases.some(({ seq }) => seq === leaseSeq),
    "S3",
    () => "progress of no lease",
  );
  task.payload = payload;
}

/** Which of the rarer things a lease is. */
export function noteLease({ task, worker, isHedge, gpus }: LeaseBook, coverage: Coverage): void {
  if (isHedge) coverage.reached("hedge started");
  if (isExclusive(task)) coverage.reached("exclusive machine");
  if (task.spec.resources.locks) coverage.reached("lock held");
  if (gpus.length > 0) coverage.reached("GPU set aside");
  if (worker.leases.size > worker.slots) coverage.reached("lease in reserve");
}
