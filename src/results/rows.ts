import { dependencyCondition, dependencyTask } from "../contracts/index.ts";
import type {
  AttemptState,
  CapabilityDocument,
  DependencyCondition,
  RunState,
  TaskSpec,
  TaskState,
  WorkerLoad,
  WorkerState,
} from "../contracts/index.ts";
import { JsonMemo, TaskJsonMemo, jsonText } from "./json-text.ts";
import type { Cell } from "./table-rows.ts";

/** Rows that may still change. */
interface Row {
  /** It is in the database, so a change is an update. */
  stored: boolean;
  /** It has changed since it was last written. */
  dirty: boolean;
}

export interface RunRow extends Row {
  runNo: number;
  runId: string;
  name: string;
  state: RunState;
  submittedBy: string;
  createMs: number;
  endMs: number | null;
  /** Unfinished tasks. */
  tasks: Map<string, TaskRow>;
  /** Unfinished tasks that wait for a task. */
  waiters: Map<string, Waiter[]>;
}

export interface TaskRow extends Row {
  taskNo: number;
  runId: string;
  spec: TaskSpec;
  model: string | null;
  status: TaskState;
  failureClass: string | null;
  createMs: number;
  startMs: number | null;
  endMs: number | null;
  workerId: string | null;
  attempts: number;
  /** Dependencies that have not completed. */
  waitingFor: number;
  /** Attempts under way: one, or two while a straggler is hedged. */
  underWay: readonly AttemptRow[];
}

export interface AttemptRow extends Row {
  leaseSeq: number;
  runId: string;
  taskId: string;
  workerId: string;
  attempt: number;
  status: AttemptState;
  hardware: string | null;
  leaseMs: number;
  startMs: number | null;
  endMs: number | null;
  seconds: number | null;
  message: string | null;
  failure: string | null;
  hardwareMetrics: string | null;
}

export interface WorkerRow {
  workerId: string;
  name: string;
  status: WorkerState;
  registrationMs: number;
  heartbeatMs: number | null;
  incarnation: string;
  /** Asked to drain: holds for the incarnation that was asked. */
  draining: boolean;
  slots: number;
  capabilities: CapabilityDocument;
  load: WorkerLoad | null;
}

export function modelOf(spec: TaskSpec): string | null {
  return spec.type === "model" || spec.type === "benchmark" ? spec.config.model : null;
}

export function runCells(row: RunRow): Cell[] {
  return [row.runNo, row.runId, row.name, row.state, row.submittedBy, row.createMs, row.endMs];
}

/** JSON of the tasks that are written together: most hold the same. */
export class TaskTexts {
  readonly config = new JsonMemo();
  readonly requirements = new JsonMemo();
  readonly spec = new TaskJsonMemo();
}

export function taskCells(row: TaskRow, texts: TaskTexts): Cell[] {
  const { spec } = row;
  return [
    row.taskNo,
    row.runId,
    spec.task_id,
    spec.type,
    spec.priority,
    row.status,
    row.failureClass,
    row.createMs,
    row.startMs,
    row.endMs,
    row.workerId,
    row.attempts,
    row.model,
    texts.config.of(spec.config),
    texts.requirements.of(spec.requirements),
    texts.spec.of(spec),
  ];
}

export function attemptCells(row: AttemptRow): Cell[] {
  return [
    row.leaseSeq,
    row.runId,
    row.taskId,
    row.workerId,
    row.attempt,
    row.status,
    row.hardware,
    row.leaseMs,
    row.startMs,
    row.endMs,
    row.seconds,
    row.message,
    row.failure,
    row.hardwareMetrics,
  ];
}

export function workerCells(row: WorkerRow): Cell[] {
  const { capabilities } = row;
  return [
    row.workerId,
    row.name,
    capabilities.hostname,
    row.registrationMs,
    row.heartbeatMs,
    row.status,
    row.slots,
    jsonText(capabilities),
    row.load && jsonText(row.load),
    jsonText(capabilities.labels),
    row.incarnation,
    row.draining,
  ];
}

interface Waiter {
  task: TaskRow;
  condition: DependencyCondition;
}

/** Puts an unfinished task in its run. */
export function addTask(run: RunRow, task: TaskRow): void {
  run.tasks.set(task.spec.task_id, task);
  for (const one of task.spec.depends_on) {
    const waiter = { task, condition: dependencyCondition(one) };
    const waiters = run.waiters.get(dependencyTask(one));
    if (waiters) waiters.push(waiter);
    else run.waiters.set(dependencyTask(one), [waiter]);
  }
}
