import { assert } from "../base/index.ts";
import { dependencyTask } from "../contracts/index.ts";
import type { JournalEvent, JournalEventOf, PlacedEvent, TaskSpec } from "../contracts/index.ts";
import { addTask, attemptCells, modelOf, runCells, taskCells, workerCells } from "./rows.ts";
import { ResultRows } from "./result-rows.ts";
import type { AttemptRow, RunRow, TaskRow, WorkerRow } from "./rows.ts";
import { jsonText } from "./table-writer.ts";
import type { Cell, Staging, Table } from "./table-writer.ts";

/** A task's place: the run's place in the journal, and its own in the run. */
const TASKS_PER_RUN = 2 ** 18;

/** What one transaction writes. */
export interface RowBatch {
  eventSeq: number;
  batchSeq: number;
  inserts: Record<Table, Cell[][]>;
  updates: Record<Staging, Cell[][]>;
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
  private readonly dirtyRuns = new Set<RunRow>();
  private readonly dirtyTasks = new Set<TaskRow>();
  private readonly dirtyAttempts = new Set<AttemptRow>();
  private readonly dirtyWorkers = new Set<string>();
  private resultRows = new ResultRows();

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
        runs: [],
        distributed_tasks: [],
        task_execution_history: [],
        worker_nodes: [],
        ...this.resultRows.tables,
      },
      updates: {
        staged_workers: [...this.dirtyWorkers].map((workerId) => [workerId]),
        staged_runs: [],
        staged_tasks: [],
        staged_attempts: [],
      },
    };
    for (const row of this.dirtyRuns) takeRun(row, batch);
    for (const row of this.dirtyTasks) takeTask(row, batch);
    for (const row of this.dirtyAttempts) takeAttempt(row, batch);
    for (const workerId of this.dirtyWorkers) {
      const row = this.workers.get(workerId);
      if (row) batch.inserts.worker_nodes.push(workerCells(row));
    }
    this.dirtyRuns.clear();
    this.dirtyTasks.clear();
    this.dirtyAttempts.clear();
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
        for (const task of this.runs.get(event.runId)?.tasks.values() ?? []) this.cancelWaiting(task, at.atMs);
        return;
      case "run_finished": {
        const run = this.runs.get(event.runId);
        if (!run) return;
        Object.assign(run, { state: event.state, endMs: at.atMs });
        this.dirtyRuns.add(run);
        this.runs.delete(event.runId);
        return;
      }
      case "task_cancelled": {
        const task = this.task(event);
        if (task) this.cancelWaiting(task, at.atMs);
        return;
      }
      case "task_skipped": {
        const task = this.task(event);
        if (task) this.endTask(task, { status: "skipped", endMs: at.atMs });
        return;
      }
      case "attempt_leased":
        return this.lease(event, at);
      case "attempt_started": {
        const task = this.task(event);
        if (task) this.start(task, event.startedAtMs);
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
      case "retry_due":
      case "result_conflict":
      case "attempt_revoked":
      case "attempt_progressed":
      case "fallback_opened":
      case "claim_opened":
      case "claim_dropped":
      case "share_set":
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
      case "worker_reported":
        return this.setWorker(workerId, { heartbeatMs: atMs, load: event.load });
      case "worker_suspected":
        return this.setWorker(workerId, { status: "suspect" });
      case "worker_lost":
        return this.setWorker(workerId, { status: "lost" });
      case "worker_draining":
        return this.setWorker(workerId, { status: "draining", draining: true });
      case "worker_left":
        return this.setWorker(workerId, { status: "left" });
    }
  }

  private registerWorker(event: JournalEventOf<"worker_registered">, atMs: number): void {
    const { workerId, name, incarnation, slots, capabilities } = event;
    const known = this.workers.get(workerId);
    const draining = known?.incarnation === incarnation && known.draining;
    this.workers.set(workerId, {
      workerId,
      name,
      status: draining ? "draining" : "ready",
      registrationMs: known?.registrationMs ?? atMs,
      heartbeatMs: atMs,
      incarnation,
      draining,
      slots,
      capabilities,
      load: null,
    });
    this.dirtyWorkers.add(workerId);
  }

  private setWorker(workerId: string, change: Partial<WorkerRow>): void {
    const row = this.workers.get(workerId);
    if (!row) return;
    Object.assign(row, change);
    this.dirtyWorkers.add(workerId);
  }

  private task(ref: { runId: string; taskId: string }): TaskRow | undefined {
    return this.runs.get(ref.runId)?.tasks.get(ref.taskId);
  }

  private submitRun(event: JournalEventOf<"run_submitted">, { seq, atMs }: PlacedEvent): void {
    const { runId, name, submittedBy } = event;
    const run: RunRow = {
      stored: false,
      runNo: seq,
      runId,
      name,
      state: "running",
      submittedBy,
      createMs: atMs,
      endMs: null,
      tasks: new Map(),
      waiters: new Map(),
    };
    this.runs.set(runId, run);
    this.dirtyRuns.add(run);
    for (const [index, spec] of event.tasks.entries()) {
      const task = newTask(spec, { runId, taskNo: seq * TASKS_PER_RUN + index, createMs: atMs });
      addTask(run, task);
      this.dirtyTasks.add(task);
    }
  }

  private lease(event: JournalEventOf<"attempt_leased">, { seq, atMs }: PlacedEvent): void {
    const task = this.task(event);
    if (!task) return;
    const { runId, taskId, workerId, attempt, hardware } = event;
    task.attempt = {
      stored: false,
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
    Object.assign(task, { status: "leased", workerId, attempts: attempt });
    this.dirtyTasks.add(task);
    this.dirtyAttempts.add(task.attempt);
  }

  private start(task: TaskRow, startMs: number): void {
    if (!task.attempt) return;
    Object.assign(task.attempt, { status: "running", startMs });
    Object.assign(task, { status: "running", startMs: task.startMs ?? startMs });
    this.dirtyTasks.add(task);
    this.dirtyAttempts.add(task.attempt);
  }

  private finish(event: JournalEventOf<"attempt_finished">, at: PlacedEvent): void {
    const task = this.task(event);
    const attempt = task?.attempt;
    if (!task || !attempt) return;
    const { result, failure, startedAtMs, finishedAtMs, after } = event;
    const startMs = startedAtMs ?? attempt.startMs;
    Object.assign(attempt, {
      status: event.outcome,
      startMs,
      endMs: finishedAtMs,
      seconds: result?.execution_time_seconds ?? (startMs === null ? null : Math.max(0, finishedAtMs - startMs) / 1000),
      message: failure?.message ?? null,
      failure: failure && jsonText(failure),
      hardwareMetrics: result && jsonText(result.hardware_metrics),
    });
    this.dirtyAttempts.add(attempt);
    task.startMs ??= startMs;
    task.attempt = null;
    if (result) this.resultRows.add(event, { task, attempt, seq: at.seq });
    if (after.state === "queued") {
      Object.assign(task, { status: "queued", workerId: null });
      this.dirtyTasks.add(task);
      return;
    }
    this.endTask(task, {
      status: after.state,
      endMs: at.atMs,
      failureClass: after.state === "failed" ? (failure?.class ?? null) : null,
    });
  }

  private cancelWaiting(task: TaskRow, endMs: number): void {
    if (task.status === "blocked" || task.status === "queued") this.endTask(task, { status: "cancelled", endMs });
  }

  private endTask(task: TaskRow, end: Pick<TaskRow, "status"> & { endMs: number; failureClass?: string | null }): void {
    Object.assign(task, end);
    this.dirtyTasks.add(task);
    const run = this.runs.get(task.runId);
    run?.tasks.delete(task.spec.task_id);
    if (end.status !== "completed") return;
    for (const other of run?.waiters.get(task.spec.task_id) ?? []) {
      other.waitingFor.delete(task.spec.task_id);
      if (other.status !== "blocked" || other.waitingFor.size > 0) continue;
      other.status = "queued";
      this.dirtyTasks.add(other);
    }
  }
}

export function newTask(spec: TaskSpec, place: { runId: string; taskNo: number; createMs: number }): TaskRow {
  return {
    ...place,
    stored: false,
    spec,
    model: modelOf(spec),
    status: spec.depends_on.length > 0 ? "blocked" : "queued",
    failureClass: null,
    startMs: null,
    endMs: null,
    workerId: null,
    attempts: 0,
    waitingFor: new Set(spec.depends_on.map(dependencyTask)),
    attempt: null,
  };
}

function takeRun(row: RunRow, batch: RowBatch): void {
  if (row.stored) batch.updates.staged_runs.push([row.runNo, row.state, row.endMs]);
  else batch.inserts.runs.push(runCells(row));
  row.stored = true;
}

function takeTask(row: TaskRow, batch: RowBatch): void {
  const { taskNo, status, failureClass, startMs, endMs, workerId, attempts } = row;
  if (row.stored) batch.updates.staged_tasks.push([taskNo, status, failureClass, startMs, endMs, workerId, attempts]);
  else batch.inserts.distributed_tasks.push(taskCells(row));
  row.stored = true;
}

function takeAttempt(row: AttemptRow, batch: RowBatch): void {
  const { leaseSeq, status, startMs, endMs, seconds, message, failure, hardwareMetrics } = row;
  if (row.stored)
    batch.updates.staged_attempts.push([leaseSeq, status, startMs, endMs, seconds, message, failure, hardwareMetrics]);
  else batch.inserts.task_execution_history.push(attemptCells(row));
  row.stored = true;
}
