import { Heap } from "../base/index.ts";
import type { HeapItem, RunId, TaskId, WorkerId } from "../base/index.ts";
import type {
  AttemptOutcome,
  CapabilityDocument,
  FailureClass,
  Hardware,
  Role,
  RunState,
  TaskCounts,
  TaskSpec,
  TaskState,
  WorkerState,
} from "../contracts/index.ts";
import type { RequirementClass } from "./requirement-class.ts";

/** The right to execute one attempt. `leaseSeq`, the sequence of the event that granted it, is the fencing token. */
export interface Lease {
  leaseSeq: number;
  attempt: number;
  workerId: WorkerId;
  hardware: Hardware | null;
  startedAtMs: number | null;
  /** When the coordinator gives up although the worker lives: the task's time limit and a margin after its start. */
  deadlineMs: number | null;
}

/** An attempt that ended: enough to answer a late or repeated report. */
export interface PastAttempt {
  attempt: number;
  leaseSeq: number;
  workerId: WorkerId;
  outcome: AttemptOutcome;
  /** Digest of the accepted result; null when the attempt ended without one. */
  digest: string | null;
  conflicted: boolean;
}

export interface Task extends HeapItem {
  readonly run: Run;
  readonly taskId: TaskId;
  readonly spec: TaskSpec;
  /** Place in the order of submission over all runs. */
  readonly order: number;
  readonly requirementClass: RequirementClass;
  readonly dependents: Task[];
  state: TaskState;
  /** Unfinished tasks that this one depends on. */
  waitingFor: number;
  /** A retry waits until then; 0 when it need not wait. */
  notBeforeMs: number;
  cancelRequested: boolean;
  lease: Lease | null;
  past: PastAttempt[];
  /** Failures so far that count against the budget of their class. */
  failures: Map<FailureClass, number>;
  failureClass: FailureClass | null;
  /** Index: a retry or a deadline to come. */
  timer: TimerEntry | null;
}

export interface Run {
  readonly runId: RunId;
  readonly name: string;
  readonly submittedBy: string;
  readonly createdAtMs: number;
  readonly tasks: Map<TaskId, Task>;
  readonly counts: TaskCounts;
  state: RunState;
  cancelRequested: boolean;
  endedAtMs: number | null;
  endedSeq: number | null;
}

export interface WorkerRecord {
  readonly workerId: WorkerId;
  name: string;
  incarnation: string;
  /** The session that speaks for the worker; null while there is none. */
  sessionId: string | null;
  capabilities: CapabilityDocument;
  slots: number;
  credits: number;
  state: WorkerState;
  /** Asked to finish what it has and take no more; holds until the worker process is started anew. */
  draining: boolean;
  /** When a suspect becomes lost, or a lost one is forgotten. */
  timerMs: number | null;
  /** Index: the same, as a timer. */
  timer: TimerEntry | null;
  reportedAtMs: number;
  readonly leases: Set<number>;
  /** Index: the requirement classes that the worker fits. */
  readonly classes: Set<RequirementClass>;
  /** Index: whether the worker stands in the `ready` sets of its classes. */
  isReady: boolean;
}

export interface TokenRecord {
  tokenId: string;
  sha256: string;
  role: Role;
  name: string;
  expiresAtMs: number | null;
  revoked: boolean;
}

export interface Submission {
  runId: RunId;
  digest: string;
  tasks: number;
}

/** A moment at which something is due: a task's retry or deadline, or the end of patience with a worker. */
export interface TimerEntry extends HeapItem {
  readonly atMs: number;
  readonly subject: Task | WorkerRecord;
}

/**
 * Everything the coordinator knows, made by `evolve` from the journal alone. It is changed in place, only by `evolve`; two
 * states that saw the same events are equal (`toSnapshot` gives equal JSON). Fields marked as index are derived from the others.
 */
export interface State {
  /** Sequence of the last event seen. */
  seq: number;
  epoch: number;
  nextOrder: number;
  readonly tokens: Map<string, TokenRecord>;
  readonly runs: Map<RunId, Run>;
  /** Idempotency keys of submissions, oldest first. */
  readonly submissions: Map<string, Submission>;
  readonly workers: Map<WorkerId, WorkerRecord>;
  /** Index: current leases. */
  readonly leases: Map<number, Task>;
  /** Index: requirement classes of unfinished tasks. */
  readonly classes: Map<string, RequirementClass>;
  /** Index: what will be due, soonest first. */
  readonly timers: Heap<TimerEntry>;
  /** Index: tasks to be skipped and runs to be ended by the next follow-up. */
  readonly due: { skips: Map<Task, TaskId>; runs: Set<Run> };
  /** Index: tasks of all runs in memory. */
  readonly counts: TaskCounts;
}

export function emptyCounts(): TaskCounts {
  return { total: 0, waiting: 0, running: 0, completed: 0, failed: 0, error: 0, cancelled: 0, skipped: 0 };
}

export function emptyState(): State {
  return {
    seq: 0,
    epoch: 0,
    nextOrder: 1,
    tokens: new Map(),
    runs: new Map(),
    submissions: new Map(),
    workers: new Map(),
    leases: new Map(),
    classes: new Map(),
    timers: new Heap((a, b) => a.atMs - b.atMs),
    due: { skips: new Map(), runs: new Set() },
    counts: emptyCounts(),
  };
}

const terminal: ReadonlySet<TaskState> = new Set(["completed", "failed", "cancelled", "skipped"]);

export function isTerminal(state: TaskState): boolean {
  return terminal.has(state);
}

/** The column of `TaskCounts` that a task stands in. */
export function countColumn(task: {
  state: TaskState;
  failureClass: FailureClass | null;
}): Exclude<keyof TaskCounts, "total"> {
  switch (task.state) {
    case "blocked":
    case "queued":
      return "waiting";
    case "leased":
    case "running":
      return "running";
    case "failed":
      return task.failureClass === "assertion" ? "failed" : "error";
    case "completed":
    case "cancelled":
    case "skipped":
      return task.state;
  }
}
