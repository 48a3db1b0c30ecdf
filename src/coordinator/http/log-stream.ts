import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { AttemptView, TaskView } from "../../contracts/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Control, LiveLog, LogChunk, ReadModel } from "../control.ts";
import { allItems, firstItem } from "./all-items.ts";
import { settlesWithin } from "./settles-within.ts";

/** Artifacts that hold the output of an attempt, in the order in which they are shown. */
const logFiles = [
  ["stdout.log", "stdout"],
  ["stderr.log", "stderr"],
] as const;
/** States of a task in which a further attempt may come. */
const unfinished: ReadonlySet<TaskView["status"]> = new Set(["blocked", "queued", "leased", "running"]);
const live: ReadonlySet<AttemptView["status"]> = new Set(["leased", "running"]);
const EVENTS_PER_READ = 256;

export interface LogSource {
  control: Pick<Control, "status">;
  readModel: ReadModel;
  liveLog: LiveLog;
  blobs: BlobStore;
  clock: Clock;
  heartbeatMs: number;
}

export interface LogWanted {
  runId: string;
  taskId: string;
  /** The newest one when absent. */
  attempt: number | undefined;
}

/** `null` stands for "still waiting": at the beginning, so that the client gets its answer, then once per heartbeat. */
type Waiting = null;

/** @throws AssayError `not_found` when the task has not begun this attempt */
export async function attemptOf(readModel: ReadModel, wanted: LogWanted): Promise<AttemptView> {
  const attempt = await findAttempt(readModel, wanted);
  if (attempt === null) throw noAttempt(wanted);
  return attempt;
}

/** The output of an attempt so far: of a finished one all of it, of a running one the end that is in memory. */
export async function* logSoFar(source: LogSource, attempt: AttemptView): AsyncGenerator<LogChunk, void, undefined> {
  if (!live.has(attempt.status)) {
    yield* finishedLog(source, attempt);
    return;
  }
  // What there is comes at once, and the wait for more is what we call off.
  const enough = new AbortController();
  void setImmediate().then(() => enough.abort());
  yield* source.liveLog.follow(attemptKey(attempt), enough.signal);
}

/**
 * The output of an attempt until it ends; waits for an attempt that has not begun.
 *
 * @throws AssayError `not_found` when the attempt will never come
 */
export async function* followLog(
  source: LogSource,
  wanted: LogWanted,
  signal: AbortSignal,
): AsyncGenerator<LogChunk | Waiting, void, undefined> {
  const attempt = yield* attemptWhenThere(source, wanted, signal);
  if (attempt === null) return;
  yield null;
  let silent = true;
  if (live.has(attempt.status)) {
    for await (const chunk of withHeartbeats(source.liveLog.follow(attemptKey(attempt), signal), source)) {
      if (chunk !== null) silent = false;
      yield chunk;
    }
  }
  // It may have ended before the live log was asked, or its worker sends no live output.
  if (silent && !signal.aborted) yield* finishedLog(source, attempt);
}

async function* attemptWhenThere(
  source: LogSource,
  wanted: LogWanted,
  signal: AbortSignal,
): AsyncGenerator<Waiting, AttemptView | null, undefined> {
  let afterSeq = source.control.status().seq;
  while (!signal.aborted) {
    const attempt = await findAttempt(source.readModel, wanted);
    if (attempt !== null) return attempt;
    const task = await source.readModel.task(wanted.runId, wanted.taskId);
    if (task === null || !unfinished.has(task.status)) throw noAttempt(wanted);
    yield null;
    afterSeq = await taskMoved(source, wanted, { afterSeq, signal });
  }
  return null;
}

/**
 * Waits, one heartbeat at most, for an event of the task: asking for the attempt after every batch would cost too much.
 * Gives how far it has read.
 */
async function taskMoved(
  { readModel, clock, heartbeatMs }: LogSource,
  { runId, taskId }: LogWanted,
  { afterSeq, signal }: { afterSeq: number; signal: AbortSignal },
): Promise<number> {
  const stop = new AbortController();
  const timer = clock.setTimer(heartbeatMs, () => stop.abort());
  const either = AbortSignal.any([signal, stop.signal]);
  let seq = afterSeq;
  try {
    while (!either.aborted) {
      const { events, nextSeq } = await readModel.feed(seq, { limit: EVENTS_PER_READ, runId });
      if (events.some((event) => event.task_id === taskId)) return nextSeq;
      if (nextSeq === seq) await readModel.grown(seq, either);
      seq = nextSeq;
    }
    return seq;
  } finally {
    timer.cancel();
  }
}

/** The output of an ended attempt, from its artifacts; nothing when it wrote none. */
async function* finishedLog(
  { readModel, blobs }: LogSource,
  attempt: AttemptView,
): AsyncGenerator<LogChunk, void, undefined> {
  const { run_id, task_id } = attempt;
  for (const [name, stream] of logFiles) {
    const artifacts = allItems((paging) => readModel.artifacts({ ...paging, run_id, task_id }));
    const artifact = await firstItem(artifacts, (one) => one.attempt === attempt.attempt && one.name === name);
    const blob = artifact === null ? null : await blobs.openRead(artifact.sha256);
    if (blob === null) continue;
    const decoder = new TextDecoder();
    for await (const bytes of blob.content) yield { stream, text: decoder.decode(bytes, { stream: true }) };
    const rest = decoder.decode();
    if (rest !== "") yield { stream, text: rest };
  }
}

async function* withHeartbeats<T>(
  items: AsyncIterable<T>,
  source: LogSource,
): AsyncGenerator<T | Waiting, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      while (!(await settlesWithin(next, source))) yield null;
      const { done, value } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function findAttempt(readModel: ReadModel, { runId, taskId, attempt }: LogWanted): Promise<AttemptView | null> {
  const attempts = allItems((paging) => readModel.attempts({ ...paging, run_id: runId, task_id: taskId }));
  let newest: AttemptView | null = null;
  for await (const one of attempts) {
    if (one.attempt === attempt) return one;
    if (attempt === undefined && one.attempt > (newest?.attempt ?? 0)) newest = one;
  }
  return newest;
}

function attemptKey({ run_id, task_id, attempt }: AttemptView): { runId: string; taskId: string; attempt: number } {
  return { runId: run_id, taskId: task_id, attempt };
}

function noAttempt({ runId, taskId, attempt }: LogWanted): Error {
  const which = attempt === undefined ? "an attempt" : `the attempt ${attempt}`;
  return assayError("not_found", `The task ${taskId} of the run ${runId} has not begun ${which}`, {
    next: "`assay explain` says why a task waits.",
  });
}
