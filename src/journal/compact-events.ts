import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import type { JournalEvent, JournalEventOf, ResultDocument } from "../contracts/index.ts";
import { ByteReader, ByteWriter, LARGEST_WHOLE } from "./byte-stream.ts";
import { areTasks, readTasks, writeTasks } from "./compact-tasks.ts";
import type { PartReader, PartWriter } from "./compact-tasks.ts";

/** Names what the events of a batch are made of; a change of meaning takes the next number. */
export const COMPACT_VERSION = 2;

/**
 * The events of a batch, taken apart. `names`: words that many events share. `texts`: words of one event each, one after the
 * other. `values`: what has no short form, as it is. `codes`: for each event its kind and its numbers.
 */
export type CompactBatch = [
  version: typeof COMPACT_VERSION,
  names: string[],
  texts: string,
  values: unknown[],
  codes: Uint8Array,
];

const WHOLE = 0;
const LEASED = 1;
const STARTED = 2;
const FINISHED = 3;
const SUBMITTED = 4;

/** Flags of a finished attempt. */
const HAS_START = 1;
const HAS_DIGEST = 2;
const HAS_FAILURE = 4;
const IS_QUEUED_AGAIN = 8;
const HAS_RESULT = 16;
const HAS_PLAIN_RESULT = 32;

const LEASED_FIELDS = 6;
const STARTED_FIELDS = 5;
const FINISHED_FIELDS = 13;
const PLAIN_RESULT_FIELDS = 10;

// Shared by all plain results, so nobody may change them.
const NOTHING = Object.freeze({});
const NO_RECOVERY: ResultDocument["recovery"] = [];
const NO_METRICS: ResultDocument["metrics"] = [];
const NO_ARTIFACTS: ResultDocument["artifacts"] = [];
Object.freeze(NO_RECOVERY);
Object.freeze(NO_METRICS);
Object.freeze(NO_ARTIFACTS);
const NOT_SIMULATED = Object.freeze({ is_simulated: false });

// Kept between batches for its memory.
const sharedCodes = new ByteWriter();

/** Takes events apart. An event that has fields, or kinds of values, unknown here goes whole: nothing is lost. */
export class CompactWriter implements PartWriter {
  private readonly names = new Map<string, number>();
  private readonly texts: string[] = [];
  private readonly values: unknown[] = [];
  private readonly codes = sharedCodes;
  private lastLeaseSeq = 0;
  private lastTimeMs = 0;

  constructor() {
    // What a batch that could not be written left behind.
    this.codes.take();
  }

  add(event: JournalEvent): void {
    switch (event.type) {
      case "attempt_leased":
        if (isShortLease(event)) return this.lease(event);
        break;
      case "attempt_started":
        if (isShortStart(event)) return this.start(event);
        break;
      case "attempt_finished":
        if (isShortFinish(event)) return this.finish(event);
        break;
      case "run_submitted":
        if (!areTasks(event.tasks)) break;
        this.codes.uint(SUBMITTED);
        this.values.push({ ...event, tasks: null });
        return writeTasks(event.tasks, this);
      default:
    }
    this.codes.uint(WHOLE);
    this.values.push(event);
  }

  /** The parts; valid until the next batch. */
  take(): CompactBatch {
    return [COMPACT_VERSION, [...this.names.keys()], this.texts.join(""), this.values, this.codes.take()];
  }

  uint(value: number): void {
    this.codes.uint(value);
  }

  text(text: string): void {
    this.texts.push(text);
    this.codes.uint(text.length);
  }

  value(value: unknown): void {
    this.values.push(value);
  }

  /** 0 stands for null. */
  private name(name: string | null): void {
    if (name === null) return this.codes.uint(0);
    let place = this.names.get(name);
    if (place === undefined) {
      place = this.names.size + 1;
      this.names.set(name, place);
    }
    this.codes.uint(place);
  }

  private ref({ runId, taskId, attempt }: { runId: string; taskId: string; attempt: number }): void {
    this.name(runId);
    this.text(taskId);
    this.codes.uint(attempt);
  }

  private time(timeMs: number): void {
    this.codes.int(timeMs - this.lastTimeMs);
    this.lastTimeMs = timeMs;
  }

  private lease(event: JournalEventOf<"attempt_leased">): void {
    this.codes.uint(LEASED);
    this.ref(event);
    this.name(event.workerId);
    this.name(event.hardware);
  }

  private start(event: JournalEventOf<"attempt_started">): void {
    this.codes.uint(STARTED);
    this.ref(event);
    this.time(event.startedAtMs);
  }

  private finish(event: JournalEventOf<"attempt_finished">): void {
    const { leaseSeq, startedAtMs, finishedAtMs, digest, failure, after, result } = event;
    const plain = result !== null && isPlainResult(result, event);
    this.codes.uint(FINISHED);
    this.codes.uint(
      (startedAtMs === null ? 0 : HAS_START) |
        (digest === null ? 0 : HAS_DIGEST) |
        (failure === null ? 0 : HAS_FAILURE) |
        (after.state === "queued" ? IS_QUEUED_AGAIN : 0) |
        (plain ? HAS_PLAIN_RESULT : result === null ? 0 : HAS_RESULT),
    );
    this.ref(event);
    this.name(event.workerId);
    this.name(event.outcome);
    this.codes.int(leaseSeq - this.lastLeaseSeq);
    this.lastLeaseSeq = leaseSeq;
    this.time(finishedAtMs);
    if (startedAtMs !== null) this.codes.int(finishedAtMs - startedAtMs);
    if (digest !== null) this.text(digest);
    if (failure !== null) this.values.push(failure);
    if (after.state === "queued") this.time(after.notBeforeMs);
    else this.name(after.state);
    if (plain) this.plainResult(result);
    else if (result !== null) this.values.push(result);
  }

  private plainResult({ status, execution_time_seconds }: ResultDocument): void {
    this.name(status);
    if (execution_time_seconds === 0) return this.codes.uint(0);
    this.codes.uint(1);
    this.codes.float(execution_time_seconds);
  }
}

/** Puts events together again. The parts are covered by the batch's hash, so their shape is trusted. */
export class CompactReader implements PartReader {
  private readonly names: string[];
  private readonly texts: string;
  private readonly values: unknown[];
  private readonly codes: ByteReader;
  private nextValue = 0;
  private nextText = 0;
  private lastLeaseSeq = 0;
  private lastTimeMs = 0;

  constructor([, names, texts, values, codes]: CompactBatch) {
    this.names = names;
    this.texts = texts;
    this.values = values;
    this.codes = new ByteReader(codes);
  }

  all(): JournalEvent[] {
    const events: JournalEvent[] = [];
    while (!this.codes.done) events.push(this.next());
    return events;
  }

  uint(): number {
    return this.codes.uint();
  }

  text(): string {
    const start = this.nextText;
    this.nextText += this.codes.uint();
    return this.texts.slice(start, this.nextText);
  }

  value(): unknown {
    return this.values[this.nextValue++];
  }

  private next(): JournalEvent {
    const kind = this.codes.uint();
    switch (kind) {
      case LEASED:
        return this.lease();
      case STARTED:
        return this.start();
      case FINISHED:
        return this.finish();
      case SUBMITTED: {
        const event = this.value() as JournalEventOf<"run_submitted">;
        event.tasks = readTasks(this);
        return event;
      }
      default:
        return this.value() as JournalEvent;
    }
  }

  private name<Word extends string>(): Word | null {
    const place = this.codes.uint();
    return place === 0 ? null : (this.names[place - 1] as Word);
  }

  private mustName<Word extends string>(): Word {
    return this.names[this.codes.uint() - 1] as Word;
  }

  private time(): number {
    this.lastTimeMs += this.codes.int();
    return this.lastTimeMs;
  }

  private lease(): JournalEventOf<"attempt_leased"> {
    return {
      type: "attempt_leased",
      runId: asRunId(this.mustName()),
      taskId: asTaskId(this.text()),
      attempt: this.codes.uint(),
      workerId: asWorkerId(this.mustName()),
      hardware: this.name(),
    };
  }

  private start(): JournalEventOf<"attempt_started"> {
    return {
      type: "attempt_started",
      runId: asRunId(this.mustName()),
      taskId: asTaskId(this.text()),
      attempt: this.codes.uint(),
      startedAtMs: this.time(),
    };
  }

  private finish(): JournalEventOf<"attempt_finished"> {
    const flags = this.codes.uint();
    const runId = asRunId(this.mustName());
    const taskId = asTaskId(this.text());
    const attempt = this.codes.uint();
    const workerId = asWorkerId(this.mustName());
    const outcome = this.mustName<JournalEventOf<"attempt_finished">["outcome"]>();
    const leaseSeq = this.lastLeaseSeq + this.codes.int();
    this.lastLeaseSeq = leaseSeq;
    const finishedAtMs = this.time();
    const startedAtMs = flags & HAS_START ? finishedAtMs - this.codes.int() : null;
    const digest = flags & HAS_DIGEST ? this.text() : null;
    const failure = flags & HAS_FAILURE ? (this.value() as JournalEventOf<"attempt_finished">["failure"]) : null;
    const after = flags & IS_QUEUED_AGAIN ? this.queuedAgain() : { state: this.mustName<"completed">() };
    let result: ResultDocument | null = null;
    if (flags & HAS_PLAIN_RESULT) result = this.plainResult(taskId, workerId);
    else if (flags & HAS_RESULT) result = this.value() as ResultDocument;
    return {
      type: "attempt_finished",
      runId,
      taskId,
      attempt,
      leaseSeq,
      workerId,
      outcome,
      startedAtMs,
      finishedAtMs,
      result,
      digest,
      failure,
      after,
    };
  }

  private queuedAgain(): { state: "queued"; notBeforeMs: number } {
    return { state: "queued", notBeforeMs: this.time() };
  }

  private plainResult(task_id: string, worker_id: string): ResultDocument {
    return {
      task_id,
      worker_id,
      status: this.mustName(),
      execution_time_seconds: this.codes.uint() === 0 ? 0 : this.codes.float(),
      hardware_metrics: NOTHING,
      results: NOTHING,
      simulation_status: NOT_SIMULATED,
      recovery: NO_RECOVERY,
      metrics: NO_METRICS,
      artifacts: NO_ARTIFACTS,
    };
  }
}

function isShortLease(event: JournalEventOf<"attempt_leased">): boolean {
  return countFields(event) === LEASED_FIELDS && isRef(event) && isText(event.workerId) && isTextOrNull(event.hardware);
}

function isShortStart(event: JournalEventOf<"attempt_started">): boolean {
  return countFields(event) === STARTED_FIELDS && isRef(event) && isWhole(event.startedAtMs);
}

function isShortFinish(event: JournalEventOf<"attempt_finished">): boolean {
  const { leaseSeq, workerId, outcome, startedAtMs, finishedAtMs, result, digest, failure, after } = event;
  return (
    countFields(event) === FINISHED_FIELDS &&
    isRef(event) &&
    isWhole(leaseSeq) &&
    isText(workerId) &&
    isText(outcome) &&
    (startedAtMs === null || isWhole(startedAtMs)) &&
    isWhole(finishedAtMs) &&
    result !== undefined &&
    isTextOrNull(digest) &&
    failure !== undefined &&
    // Types say that it is there; what is written must not depend on it.
    isText((after as { state: unknown } | null)?.state) &&
    (after.state === "queued" ? countFields(after) === 2 && isWhole(after.notBeforeMs) : countFields(after) === 1)
  );
}

/** Whether everything in a result, besides its numbers and status, is what the schema fills in. */
function isPlainResult(result: ResultDocument, { taskId, workerId }: { taskId: string; workerId: string }): boolean {
  return (
    countFields(result) === PLAIN_RESULT_FIELDS &&
    result.task_id === taskId &&
    result.worker_id === workerId &&
    isText(result.status) &&
    typeof result.execution_time_seconds === "number" &&
    isEmpty(result.hardware_metrics) &&
    isEmpty(result.results) &&
    isNoList(result.recovery) &&
    isNoList(result.metrics) &&
    isNoList(result.artifacts) &&
    result.simulation_status?.is_simulated === false &&
    countFields(result.simulation_status) === 1
  );
}

function isRef({ runId, taskId, attempt }: { runId: string; taskId: string; attempt: number }): boolean {
  return isText(runId) && isText(taskId) && isWhole(attempt);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < LARGEST_WHOLE;
}

function isEmpty(value: object | undefined): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && countFields(value) === 0;
}

function isNoList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function countFields(value: object): number {
  let count = 0;
  // Without a list of the keys: this runs several times for each event.
  for (const _key in value) count += 1;
  return count;
}
