import { Heap } from "../base/index.ts";
import type { HeapItem, RunId, TaskId, WorkerId } from "../base/index.ts";
import type {
  AttemptOutcome,
  CapabilityDocument,
  DependencyCondition,
  FailureClass,
  Hardware,
  RunState,
  ShareKind,
  TaskCounts,
  TaskState,
  TokenFacts,
  WorkerState,
} from "../contracts/index.ts";
import type { PatternRecord } from "./avoidance.ts";
import { ClassSet } from "./class-set.ts";
import type { Claim } from "./claims.ts";
import type { SharedSpec } from "./compact-spec.ts";
import { emptyEstimates } from "./estimates.ts";
import type { Estimates, Lengths } from "./estimates.ts";
import type { Steadiness } from "./flapping.ts";
import type { Group } from "./groups.ts";
import type { MuteRecord } from "./mutes.ts";
import type { MachineKind, Profile } from "./profile.ts";
import type { Health, Quarantine } from "./quarantine.ts";
import type { RequirementClass } from "./requirement-class.ts";
import type { Machine, ResourcePool } from "./resources.ts";
import { rootNode } from "./share-tree.ts";
import type { ShareNode } from "./share-tree.ts";
import type { TemplateRecord } from "./templates.ts";
import type { WorkerCommand } from "./worker-commands.ts";

/** The right to execute one attempt. `leaseSeq`, the sequence of the event that granted it, is the fencing token. */
export interface Lease {
  readonly leaseSeq: number;
  readonly task: Task;
  readonly attempt: number;
  readonly workerId: WorkerId;
  readonly hardware: Hardware | null;
  /** Indexes of the worker's GPUs that are set aside. */
  readonly gpus: readonly number[];
  /** Which requirement set was met: 0 for the first, else the place in `fallback` plus one. */
  readonly alternative: number;
  readonly leasedAtMs: number;
  /** How long it was expected to take on this worker; null when nothing was known. */
  readonly expectedMs: number | null;
  /** By the clock of the journal, not the worker's. */
  startedAtMs: number | null;
  /** When the coordinator gives up although the worker lives: the task's time limit and a margin after its start. */
  deadlineMs: number | null;
  /** Asked back: `waiting` if it has not started, `running` in any case. */
  revoked: "waiting" | "running" | null;
  /** Index: the deadline. */
  timer: TimerEntry | null;
}

/** An attempt that ended: enough to answer a late or repeated report. */
export interface PastAttempt {
  readonly attempt: number;
  readonly leaseSeq: number;
  readonly workerId: WorkerId;
  readonly outcome: AttemptOutcome;
  readonly failureClass: FailureClass | null;
  /** Digest of the accepted result; null when the attempt ended without one. */
  readonly digest: string | null;
  conflicted: boolean;
}

/** A task that waits for another, and for what. */
export interface Dependent {
  readonly task: Task;
  readonly condition: DependencyCondition;
}

export interface Task extends HeapItem {
  readonly run: Run;
  readonly taskId: TaskId;
  readonly spec: SharedSpec;
  /** Place in the order of submission over all runs. */
  readonly order: number;
  /** What is the same for tasks that do the same, in any run: durations are learned for it. */
  readonly workKey: number;
  requirementClass: RequirementClass;
  dependents: Dependent[];
  readonly group: Group | null;
  state: TaskState;
  /** Dependencies that have not ended as they must. */
  waitingFor: number;
  /** A retry waits until then; 0 when it need not wait. */
  notBeforeMs: number;
  /** Since when it could be leased, if only a worker were free; what ageing counts from. */
  readySinceMs: number;
  /** Sets of `fallback` that are open. */
  alternatives: number;
  cancelRequested: boolean;
  /** Its attempts under way: one, or two while a straggler is hedged. */
  leases: readonly Lease[];
  past: readonly PastAttempt[];
  failureClass: FailureClass | null;
  /** What the last attempt left for the next one. */
  payload: string | null;
  /** Index: the order within its queue, see `priority.ts`. */
  rank: number;
  expectedWork: number;
  /** Index: a retry or a fallback to come. */
  timer: TimerEntry | null;
}

export interface Run {
  readonly runId: RunId;
  readonly name: string;
  readonly submittedBy: string;
  readonly pool: string;
  /** The worker whose health it checks; absent for what people submit. */
  readonly checks?: WorkerId | undefined;
  readonly createdAtMs: number;
  readonly tasks: Map<TaskId, Task>;
  readonly groups: Map<string, Group>;
  readonly counts: TaskCounts;
  state: RunState;
  cancelRequested: boolean;
  endedAtMs: number | null;
  endedSeq: number | null;
  /** What the tasks that succeeded say of the others. */
  readonly lengths: Lengths;
  /** Index: ready tasks that were never seen, and the work expected of each. */
  unseen: number;
  guessMs: number;
  /** Index: its place in the tree of shares. */
  readonly node: ShareNode;
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
  readonly steadiness: Steadiness;
  readonly health: Health;
  /** Index: the check of its health that waits for it or is under way. */
  check: Task | null;
  /** Index: what is due for it next, as a timer. */
  timer: TimerEntry | null;
  reportedAtMs: number;
  /** How much longer than expected it takes of late, as a logarithm: 0 as expected, ln 2 twice as long. */
  pace: number;
  /** Models and workspaces that it used lately, the latest last: they are in its cache. */
  warm: string[];
  /** What it was asked, the latest last. */
  commands: readonly WorkerCommand[];
  readonly leases: Map<number, Lease>;
  /** Index: capabilities as matching sees them, shared by workers with the same. */
  profile: Profile;
  /** Index: what is not set aside. */
  resources: ResourcePool;
  /** Index: the machine that it runs on, with its other workers. */
  machine: Machine;
  /** Index: kept free for a task. */
  claim: Claim | null;
  /** Index: slots that its kind of machine counts for it. */
  countedSlots: number;
  /** Index: which of the profile's sets it stands in. */
  standing: "busy" | "idle" | "spare";
}

export type TokenRecord = TokenFacts & { revoked: boolean };

export interface Submission {
  runId: RunId;
  digest: string;
  tasks: number;
}

/** What an administrator decided about a pool or a user. */
export interface Share {
  kind: ShareKind;
  name: string;
  weight: number;
  maxRunning: number | null;
}

/** A moment at which something is due: a retry or a fallback, a deadline, the end of patience with a worker, of a pattern's state, of a mute. */
export interface TimerEntry extends HeapItem {
  readonly atMs: number;
  readonly subject:
    | { task: Task }
    | { lease: Lease }
    | { worker: WorkerRecord }
    | { pattern: PatternRecord }
    | { mute: MuteRecord };
}

/**
 * Everything the coordinator knows, made by `evolve` from the journal alone. It is changed in place, only by `evolve`; two
 * states that saw the same events are equal (`snapshotParts` gives equal parts). Fields marked as index are derived from the others.
 */
export interface State {
  /** Sequence of the last event seen, and its time. */
  seq: number;
  nowMs: number;
  epoch: number;
  nextOrder: number;
  readonly tokens: Map<string, TokenRecord>;
  readonly runs: Map<RunId, Run>;
  /** Idempotency keys of submissions, oldest first. */
  readonly submissions: Map<string, Submission>;
  readonly workers: Map<WorkerId, WorkerRecord>;
  readonly shares: Map<string, Share>;
  /** By name, the removed ones too. */
  readonly templates: Map<string, TemplateRecord>;
  /** Tests that fail no run, oldest first. */
  readonly mutes: Map<string, MuteRecord>;
  /** How often an idle worker's health is checked; 0 for never. */
  healthCheckMs: number;
  /** Workers that get health checks only. */
  readonly quarantines: Map<WorkerId, Quarantine>;
  readonly estimates: Estimates;
  /** Workers kept free, by the task that waits for them, oldest first. */
  readonly claims: Map<Task, Claim>;
  /** What fails more often than chance explains, and what is done about it, oldest first. */
  readonly patterns: Map<string, PatternRecord>;
  /** Index: patterns that placement looks at. */
  readonly marking: Set<PatternRecord>;
  /** Index: patterns that are being tried again, by lease. */
  readonly trials: Map<number, PatternRecord>;
  /** Index: current leases. */
  readonly leases: Map<number, Lease>;
  /** Index: requirement classes of unfinished tasks. */
  readonly classes: Map<string, RequirementClass>;
  /** Index: numbers of classes that are free again. */
  readonly freeIndexes: number[];
  /** Index: classes of which some worker takes work now. */
  readonly open: ClassSet;
  readonly profiles: Map<string, Profile>;
  readonly machines: Map<string, Machine>;
  /** Index: named locks and who holds them. */
  readonly locks: Map<string, Lease>;
  /** Index: workers by what is in their caches. */
  readonly warm: Map<string, Set<WorkerRecord>>;
  /** Index: pools, their users, their runs. */
  readonly tree: ShareNode;
  /** Index: what will be due, soonest first. */
  readonly timers: Heap<TimerEntry>;
  /** Index: health checks that wait for their workers. */
  readonly checks: Set<Task>;
  /**
   * Index: tasks to be skipped, tasks to be cancelled with another of their group, workers to be put in quarantine or released,
   * patterns that were tried, runs to be ended: by the next follow-up.
   */
  readonly due: {
    skips: Map<Task, TaskId>;
    peers: Map<Task, TaskId>;
    health: Map<WorkerRecord, { isHealthy: boolean; reason: string }>;
    runs: Set<Run>;
    trials: Map<PatternRecord, "end" | "avoid">;
  };
  /** Index: tasks of all runs in memory. */
  readonly counts: TaskCounts;
  /** Index: leases that some policy may want back or a second attempt beside. */
  readonly watch: { preemptible: Int32Array; hedgeable: Set<Lease>; overfull: Set<WorkerRecord> };
  /** Index: kinds of machine, with the slots and the speed of each. */
  readonly kinds: Map<string, MachineKind>;
  /** Index: the expected work that waits, in milliseconds at speed 1, and the speed of all slots online together. */
  readonly load: { waitingMs: number; speed: number };
}

export function emptyCounts(): TaskCounts {
  return { total: 0, waiting: 0, running: 0, completed: 0, failed: 0, error: 0, cancelled: 0, skipped: 0 };
}

export function emptyState(): State {
  return {
    seq: 0,
    nowMs: 0,
    epoch: 0,
    nextOrder: 1,
    tokens: new Map(),
    runs: new Map(),
    submissions: new Map(),
    workers: new Map(),
    shares: new Map(),
    templates: new Map(),
    mutes: new Map(),
    healthCheckMs: 0,
    quarantines: new Map(),
    estimates: emptyEstimates(),
    claims: new Map(),
    patterns: new Map(),
    marking: new Set(),
    trials: new Map(),
    leases: new Map(),
    classes: new Map(),
    freeIndexes: [],
    open: new ClassSet(),
    profiles: new Map(),
    machines: new Map(),
    locks: new Map(),
    warm: new Map(),
    tree: rootNode(),
    timers: new Heap((a, b) => a.atMs - b.atMs),
    checks: new Set(),
    due: { skips: new Map(), peers: new Map(), health: new Map(), runs: new Set(), trials: new Map() },
    counts: emptyCounts(),
    watch: { preemptible: new Int32Array(101), hedgeable: new Set(), overfull: new Set() },
    kinds: new Map(),
    load: { waitingMs: 0, speed: 0 },
  };
}

const terminal: ReadonlySet<TaskState> = new Set(["completed", "failed", "cancelled", "skipped"]);

export type TerminalState = Extract<TaskState, "completed" | "failed" | "cancelled" | "skipped">;

export function isTerminal(state: TaskState): state is TerminalState {
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
