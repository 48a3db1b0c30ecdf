import { assert, isoTime } from "../base/index.ts";
import { isConditionMet } from "../contracts/index.ts";
import type { JournalEvent, JournalEventOf, PlacedEvent } from "../contracts/index.ts";
import { JsonMemo, jsonText } from "./json-text.ts";
import {
  TaskTexts,
  addTask,
  attemptCells,
  isAway,
  newRun,
  newTask,
  registeredWorker,
  restTask,
  runCells,
  statusOnline,
  taskCells,
  taskNoOf,
  unfinishedTask,
  workerCells,
} from "./rows.ts";
import { ResultRows } from "./result-rows.ts";
import type { AttemptRow, RunRow, TaskRow, WorkerRow } from "./rows.ts";
import { TableRows } from "./table-rows.ts";
import { staging, tables } from "./tables.ts";
import type { Staging, Table } from "./tables.ts";

/** What one transaction writes. */
export interface RowBatch {
  eventSeq: number;
  batchSeq: number;
  inserts: Record<Table, TableRows>;
  updates: Record<Staging, TableRows>;
}

/**
 * Events to rows, in memory. Keeps the rows of unfinished runs and of workers, which later events change; what changes between
 * two takes is written once. Made from the same events, the rows are the same, however often they were taken in between.
 */
export class Projection {
  readonly runs = new Map<string, RunRow>();
  readonly workers = new Map<string, WorkerRow>();
  eventSeq: number;
  batchSeq: number;
  private takenSeq: number;
  private dirtyRuns: RunRow[] = [];
  private dirtyTasks: TaskRow[] = [];
  private dirtyAttempts: AttemptRow[] = [];
  private readonly dirtyWorkers = new Set<string>();
  private resultRows = new ResultRows();
  private readonly json = new JsonMemo();

  constructor(applied: { eventSeq: number; batchSeq: number }) {
    this.eventSeq = applied.eventSeq;
    this.batchSeq = applied.batchSeq;
    this.takenSeq = applied.eventSeq;
  }

  /** Events that wait to be written. */
  get pending(): number {
    return this.eventSeq - this.takenSeq;
  }

  /** Takes events in order; those it has seen are left out, a gap is a bug. */
  apply(events: readonly PlacedEvent[], batchSeq: number): void {
    for (const one of events) {
      if (one.seq <= this.eventSeq) continue;
      assert(one.seq === this.eventSeq + 1, `event ${one.seq} follows event ${this.eventSeq}`);
      this.eventSeq = one.seq;
      this.project(one.event, one);
    }
    this.batchSeq = Math.max(this.batchSeq, batchSeq);
  }

  /** Everything that changed since the last take, as cells. */
  take(): RowBatch {
    const batch: RowBatch = {
      eventSeq: this.eventSeq,
      batchSeq: this.batchSeq,
      inserts: {
        runs: new TableRows(tables.runs),
        distributed_tasks: new TableRows(tables.distributed_tasks),
        task_execution_history: new TableRows(tables.task_execution_history),
        worker_nodes: new TableRows(tables.worker_nodes),
        ...this.resultRows.tables,
      },
      updates: {
        staged_workers: new TableRows(staging.staged_workers),
        staged_runs: new TableRows(staging.staged_runs),
        staged_tasks: new TableRows(staging.staged_tasks),
        staged_attempts: new TableRows(staging.staged_attempts),
      },
    };
    const texts = new TaskTexts();
    for (const row of this.dirtyRuns) takeRun(row, batch);
    for (const row of this.dirtyTasks) takeTask(row, batch, texts);
    for (const row of this.dirtyAttempts) takeAttempt(row, batch);
    for (const workerId of this.dirtyWorkers) {
      batch.updates.staged_workers.add([workerId]);
      const row = this.workers.get(workerId);
      if (row) batch.inserts.worker_nodes.add(workerCells(row));
    }
    this.dirtyRuns = [];
    this.dirtyTasks = [];
    this.dirtyAttempts = [];
    this.dirtyWorkers.clear();
    this.resultRows = new ResultRows();
    this.takenSeq = this.eventSeq;
    return batch;
  }

  private project(event: JournalEvent, at: PlacedEvent): void {
    switch (event.type) {
      case "run_submitted":
        return this.submitRun(event, at);
      case "run_cancelled":
        for (const taskId of this.runs.get(event.runId)?.tasks.keys() ?? [])
          this.cancelWaiting({ ...event, taskId }, at);
        return;
      case "run_finished": {
        const run = this.runs.get(event.runId);
        if (!run) return;
        run.state = event.state;
        run.endMs = at.atMs;
        markDirty(run, this.dirtyRuns);
        this.runs.delete(event.runId);
        return;
      }
      case "task_cancelled":
        return this.cancelWaiting(event, at);
      case "task_skipped": {
        const task = this.task(event);
        if (task) this.endTask(task, { status: "skipped", endMs: at.atMs });
        return;
      }
      case "attempt_leased":
        return this.lease(event, at);
      case "attempt_started": {
        const task = this.task(event);
        if (task) this.start(task, event);
        return;
      }
      case "attempt_finished":
        return this.finish(event, at);
      case "epoch_opened":
        for (const worker of this.workers.values())
          if (worker.status !== "lost" && worker.status !== "left")
            this.setWorker(worker.workerId, { status: "suspect" });
        return;
      case "token_created":
      case "token_revoked":
      case "run_archived":
      case "leader_stalled":
      case "retry_due":
      case "result_conflict":
      case "attempt_revoked":
      case "attempt_progressed":
      case "fallback_opened":
      case "claim_opened":
      case "claim_dropped":
      case "share_set":
      case "template_added":
      case "template_removed":
      case "test_muted":
      case "test_unmuted":
      case "pattern_found":
      case "avoidance_set":
      case "pattern_forgotten":
        return;
      default:
        return this.projectWorker(event, at.atMs);
    }
  }

  private projectWorker(event: Extract<JournalEvent, { type: `worker_${string}` }>, atMs: number): void {
    const { workerId } = event;
    switch (event.type) {
      case "worker_registered":
        return this.registerWorker(event, atMs);
      case "worker_commanded":
      case "worker_answered":
        return;
      case "worker_reported":
        return this.setWorker(workerId, { heartbeatMs: atMs, load: event.load });
      case "worker_suspected":
        return this.setWorker(workerId, { status: "suspect" });
      case "worker_lost":
        return this.setWorker(workerId, { status: "lost" });
      case "worker_resumed":
        this.setWorker(workerId, { status: "ready" });
        return this.changeWorker(workerId, atMs, {});
      case "worker_flapping":
        return this.changeWorker(workerId, atMs, { heldUntilMs: event.untilMs });
      case "worker_quarantined":
        return this.changeWorker(workerId, atMs, {
          quarantine: { reason: event.reason, by: event.by, since: isoTime(atMs) },
        });
      case "worker_released":
        return this.changeWorker(workerId, atMs, { quarantine: null });
      case "worker_draining":
        return this.changeWorker(workerId, atMs, { draining: true });
      case "worker_left":
        return this.setWorker(workerId, left(this.workers.get(workerId)));
    }
  }

  /** Changes what a worker's state depends on while it is there; one that is away shows it when it is back. */
  private changeWorker(workerId: string, atMs: number, change: Partial<WorkerRow>): void {
    const row = this.workers.get(workerId);
    if (row)
      this.setWorker(workerId, isAway(row) ? change : { ...change, status: statusOnline({ ...row, ...change }, atMs) });
  }

  private registerWorker(event: JournalEventOf<"worker_registered">, atMs: number): void {
    const { workerId } = event;
    this.workers.set(workerId, registeredWorker(event, this.workers.get(workerId), atMs));
    this.dirtyWorkers.add(workerId);
  }

  private setWorker(workerId: string, change: Partial<WorkerRow>): void {
    const row = this.workers.get(workerId);
    if (!row) return;
    Object.assign(row, change);
    this.dirtyWorkers.add(workerId);
  }

  private task(ref: { runId: string; taskId: string }): TaskRow | undefined {
    const run = this.runs.get(ref.runId);
    return run && unfinishedTask(run, ref.taskId);
  }

  private submitRun(event: JournalEventOf<"run_submitted">, { seq, atMs }: PlacedEvent): void {
    // Nobody's run: what came of a health check stands with its worker.
    if (event.checks !== undefined) return;
    const run = newRun(event, { seq, atMs });
    this.runs.set(run.runId, run);
    markDirty(run, this.dirtyRuns);
    for (const [index, spec] of event.tasks.entries()) {
      const task = newTask(spec, run, index);
      addTask(run, task);
      markDirty(task, this.dirtyTasks);
    }
  }

  private lease(event: JournalEventOf<"attempt_leased">, { seq, atMs }: PlacedEvent): void {
    const task = this.task(event);
    if (!task) return;
    const { workerId, attempt } = event;
    const row = newAttempt(event, { seq, atMs });
    // A second attempt beside one that runs changes nothing in what the task is doing.
    if (task.underWay.length === 0) {
      task.status = "leased";
      task.workerId = workerId;
    }
    task.underWay = [...task.underWay, row];
    task.attempts = attempt;
    markDirty(task, this.dirtyTasks);
    markDirty(row, this.dirtyAttempts);
  }

  private start(task: TaskRow, { attempt, startedAtMs: startMs }: JournalEventOf<"attempt_started">): void {
    const row = task.underWay.find((one) => one.attempt === attempt);
    if (!row) return;
    row.status = "running";
    row.startMs = startMs;
    task.status = "running";
    task.startMs ??= startMs;
    markDirty(task, this.dirtyTasks);
    markDirty(row, this.dirtyAttempts);
  }

  private finish(event: JournalEventOf<"attempt_finished">, at: PlacedEvent): void {
    const task = this.task(event);
    const attempt = task?.underWay.find((one) => one.leaseSeq === event.leaseSeq);
    if (!task || !attempt) return;
    const { result, failure, startedAtMs, finishedAtMs, after } = event;
    const startMs = startedAtMs ?? attempt.startMs;
    attempt.status = event.outcome;
    attempt.startMs = startMs;
    attempt.endMs = finishedAtMs;
    attempt.seconds =
      result?.execution_time_seconds ?? (startMs === null ? null : Math.max(0, finishedAtMs - startMs) / 1000);
    attempt.message = failure?.message ?? null;
    attempt.failure = failure && jsonText(failure);
    attempt.hardwareMetrics = result && this.json.of(result.hardware_metrics);
    markDirty(attempt, this.dirtyAttempts);
    task.startMs ??= startMs;
    task.underWay = task.underWay.filter((one) => one !== attempt);
    if (result) {
      const capabilities = this.workers.get(event.workerId)?.capabilities;
      this.resultRows.add(event, { task, attempt, capabilities, seq: at.seq });
    }
    if (after.state === "running") {
      task.workerId = task.underWay[0]?.workerId ?? null;
      markDirty(task, this.dirtyTasks);
      return;
    }
    if (after.state === "queued") {
      task.status = "queued";
      task.workerId = null;
      markDirty(task, this.dirtyTasks);
      return;
    }
    this.endTask(task, {
      status: after.state,
      endMs: at.atMs,
      failureClass: after.state === "failed" ? (failure?.class ?? null) : null,
    });
  }

  private cancelWaiting(ref: { runId: string; taskId: string }, { atMs: endMs }: PlacedEvent): void {
    const task = this.task(ref);
    if (task?.status === "blocked" || task?.status === "queued") this.endTask(task, { status: "cancelled", endMs });
  }

  private endTask(task: TaskRow, end: { status: EndState; endMs: number; failureClass?: string | null }): void {
    task.status = end.status;
    task.endMs = end.endMs;
    task.failureClass = end.failureClass ?? null;
    markDirty(task, this.dirtyTasks);
    const { run } = task;
    run.tasks.delete(task.taskId);
    for (const { task: other, condition } of run.waiters.get(task.taskId) ?? []) {
      // Where the condition is not met, an event of its own says that the other is skipped.
      if (!isConditionMet(condition, end.status)) continue;
      other.waitingFor -= 1;
      if (other.status !== "blocked" || other.waitingFor > 0) continue;
      other.status = "queued";
      markDirty(other, this.dirtyTasks);
    }
    run.waiters.delete(task.taskId);
  }
}

/** A quarantine that a person asked for outlasts the worker's stay. */
function left(worker: WorkerRow | undefined): Partial<WorkerRow> {
  const quarantine = worker?.quarantine ?? null;
  return {
    status: "left",
    quarantine: quarantine?.by === null ? null : quarantine,
    heldUntilMs: null,
    draining: false,
  };
}

function newAttempt(event: JournalEventOf<"attempt_leased">, { seq, atMs }: { seq: number; atMs: number }): AttemptRow {
  const { runId, taskId, workerId, attempt, hardware } = event;
  return {
    stored: false,
    dirty: false,
    leaseSeq: seq,
    runId,
    taskId,
    workerId,
    attempt,
    status: "leased",
    hardware,
    leaseMs: atMs,
    startMs: null,
    endMs: null,
    seconds: null,
    message: null,
    failure: null,
    hardwareMetrics: null,
  };
}

type EndState = "completed" | "failed" | "cancelled" | "skipped";

function markDirty<Row extends { dirty: boolean }>(row: Row, dirty: Row[]): void {
  if (row.dirty) return;
  row.dirty = true;
  dirty.push(row);
}

function takeRun(row: RunRow, batch: RowBatch): void {
  if (row.stored) batch.updates.staged_runs.add([row.runNo, row.state, row.endMs]);
  else batch.inserts.runs.add(runCells(row));
  row.stored = true;
  row.dirty = false;
}

function takeTask(row: TaskRow, batch: RowBatch, texts: TaskTexts): void {
  const { status, failureClass, startMs, endMs, workerId, attempts, spec } = row;
  if (spec) batch.inserts.distributed_tasks.add(taskCells(row, spec, texts));
  else batch.updates.staged_tasks.add([taskNoOf(row), status, failureClass, startMs, endMs, workerId, attempts]);
  row.stored = true;
  row.spec = null;
  row.dirty = false;
  // Those that it waits for hold its row.
  if (spec?.depends_on.length === 0) restTask(row);
}

function takeAttempt(row: AttemptRow, batch: RowBatch): void {
  const { leaseSeq, status, startMs, endMs, seconds, message, failure, hardwareMetrics } = row;
  if (row.stored)
    batch.updates.staged_attempts.add([leaseSeq, status, startMs, endMs, seconds, message, failure, hardwareMetrics]);
  else batch.inserts.task_execution_history.add(attemptCells(row));
  row.stored = true;
  row.dirty = false;
}
