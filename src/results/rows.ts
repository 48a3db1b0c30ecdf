import { assert } from "../base/index.ts";
import { dependencyCondition, dependencyTask, modelOf, precisionOf, stateOnline } from "../contracts/index.ts";
import type {
  AttemptState,
  CapabilityDocument,
  DependencyCondition,
  FrameworkName,
  JournalEventOf,
  QuarantineView,
  RunState,
  TaskSpec,
  TaskState,
  TaskType,
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

/** What a row says of its task's spec once it is stored. */
interface TaskKind {
  readonly type: TaskType;
  readonly model: string | null;
  readonly precision: string | null;
  /** The one that the task asks for. */
  readonly backend: string | null;
  readonly suite: SuiteKind | null;
}

/** Whose tests a task of a suite runs, and on which files where their digest is known. */
export interface SuiteKind {
  readonly framework: FrameworkName;
  readonly directory: string;
  readonly workspace: string | null;
}

/** A task whose row is stored and that nothing has happened to since: only its place in its run, because so many may wait. */
type IdleTask = number;

export interface RunRow extends Row {
  runNo: number;
  runId: string;
  name: string;
  state: RunState;
  submittedBy: string;
  createMs: number;
  endMs: number | null;
  /** Unfinished tasks. */
  tasks: Map<string, TaskRow | IdleTask>;
  /** By their place. */
  kinds: TaskKind[];
  /** Unfinished tasks that wait for a task. */
  waiters: Map<string, Waiter[]>;
}

export interface TaskRow extends Row {
  readonly run: RunRow;
  /** Its place in its run. */
  readonly index: number;
  readonly taskId: string;
  readonly kind: TaskKind;
  /** Only until its row is stored: what waits may be many. */
  spec: TaskSpec | null;
  status: TaskState;
  failureClass: string | null;
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
  quarantine: QuarantineView | null;
  /** It kept reconnecting: no new work until then. */
  heldUntilMs: number | null;
}

/** The row of a worker that introduced itself, new or back again. */
export function registeredWorker(
  event: JournalEventOf<"worker_registered">,
  known: WorkerRow | undefined,
  atMs: number,
): WorkerRow {
  const { workerId, name, incarnation, slots, capabilities } = event;
  const row: WorkerRow = {
    workerId,
    name,
    status: "ready",
    registrationMs: known?.registrationMs ?? atMs,
    heartbeatMs: atMs,
    incarnation,
    draining: known?.incarnation === incarnation && known.draining,
    slots,
    capabilities,
    load: null,
    quarantine: known?.quarantine ?? null,
    heldUntilMs: known?.heldUntilMs ?? null,
  };
  return { ...row, status: statusOnline(row, atMs) };
}

/** Nothing is heard of it. */
export function isAway({ status }: WorkerRow): boolean {
  return status === "suspect" || status === "lost" || status === "left";
}

/** The state of a worker that speaks. */
export function statusOnline({ draining, quarantine, heldUntilMs }: WorkerRow, atMs: number): WorkerState {
  return stateOnline({ draining, quarantined: quarantine !== null, heldUntilMs }, atMs);
}

/** A task's place: the run's place in the journal, and its own in the run. */
const TASKS_PER_RUN = 2 ** 18;

export function taskNoOf({ run, index }: TaskRow): number {
  return run.runNo * TASKS_PER_RUN + index;
}

/** The place that `taskNoOf` put in. */
export function placeOf({ runNo }: RunRow, taskNo: number): number {
  return taskNo - runNo * TASKS_PER_RUN;
}

export function newRun(event: JournalEventOf<"run_submitted">, { seq, atMs }: { seq: number; atMs: number }): RunRow {
  const { runId, name, submittedBy } = event;
  return {
    stored: false,
    dirty: false,
    runNo: seq,
    runId,
    name,
    state: "running",
    submittedBy,
    createMs: atMs,
    endMs: null,
    tasks: new Map(),
    kinds: [],
    waiters: new Map(),
  };
}

const NO_ATTEMPTS: readonly AttemptRow[] = [];

/** The row of a task as it is submitted. */
export function newTask(spec: TaskSpec, run: RunRow, index: number): TaskRow {
  const { task_id: taskId, depends_on: dependencies } = spec;
  const kind = kindOf(spec, run.kinds[index - 1]);
  run.kinds[index] = kind;
  const waitingFor = dependencies.length;
  return {
    ...freshTask(run, { taskId, kind, index }),
    spec,
    waitingFor,
    status: waitingFor > 0 ? "blocked" : "queued",
  };
}

/** That of the task before it when they say the same. */
function kindOf(spec: TaskSpec, before: TaskKind | undefined): TaskKind {
  const { type } = spec;
  const model = modelOf(spec);
  const precision = precisionOf(spec);
  const backend = spec.requirements.backend ?? null;
  const suite = suiteOf(spec, before?.suite ?? null);
  const isSame =
    before?.type === type &&
    before.model === model &&
    before.precision === precision &&
    before.backend === backend &&
    before.suite === suite;
  return isSame ? before : { type, model, precision, backend, suite };
}

function suiteOf(spec: TaskSpec, before: SuiteKind | null): SuiteKind | null {
  if (spec.type !== "suite") return null;
  const { framework, directory, workspace: source } = spec.config;
  const workspace = "root" in source ? source.root : null;
  const isSame = before?.framework === framework && before.directory === directory && before.workspace === workspace;
  return isSame ? before : { framework, directory, workspace };
}

function freshTask(run: RunRow, own: Pick<TaskRow, "taskId" | "kind" | "index">): TaskRow {
  return {
    run,
    ...own,
    stored: false,
    dirty: false,
    spec: null,
    status: "queued",
    failureClass: null,
    startMs: null,
    endMs: null,
    workerId: null,
    attempts: 0,
    waitingFor: 0,
    underWay: NO_ATTEMPTS,
  };
}

/** The row of an unfinished task, made again if it was idle. */
export function unfinishedTask(run: RunRow, taskId: string): TaskRow | undefined {
  const found = run.tasks.get(taskId);
  if (typeof found !== "number") return found;
  const kind = run.kinds[found];
  assert(kind, "the kind of an unfinished task is kept");
  const row = { ...freshTask(run, { taskId, kind, index: found }), stored: true };
  run.tasks.set(taskId, row);
  return row;
}

/** Lets go of a row that was just stored as it was submitted. */
export function restTask({ run, taskId, index, status, attempts }: TaskRow): void {
  if (status === "queued" && attempts === 0 && run.tasks.has(taskId)) run.tasks.set(taskId, index);
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

export function taskCells(row: TaskRow, spec: TaskSpec, texts: TaskTexts): Cell[] {
  return [
    taskNoOf(row),
    row.run.runId,
    row.taskId,
    row.kind.type,
    spec.priority,
    row.status,
    row.failureClass,
    row.run.createMs,
    row.startMs,
    row.endMs,
    row.workerId,
    row.attempts,
    row.kind.model,
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
    row.quarantine && jsonText(row.quarantine),
    row.heldUntilMs,
  ];
}

interface Waiter {
  task: TaskRow;
  condition: DependencyCondition;
}

/** Puts an unfinished task in its run. */
export function addTask(run: RunRow, task: TaskRow): void {
  run.tasks.set(task.taskId, task);
  for (const one of task.spec?.depends_on ?? []) {
    const waiter = { task, condition: dependencyCondition(one) };
    const waiters = run.waiters.get(dependencyTask(one));
    if (waiters) waiters.push(waiter);
    else run.waiters.set(dependencyTask(one), [waiter]);
  }
}
