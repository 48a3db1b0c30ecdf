import { err, ok } from "../../base/index.ts";
import type { AsyncQueue, Result } from "../../base/index.ts";
import { assayError, fault, role } from "../../contracts/index.ts";
import type {
  ArtifactView,
  AttemptView,
  CreateTokenRequest,
  ErrorCode,
  Explanation,
  Fault,
  FeedEvent,
  MuteView,
  Page,
  PatternView,
  RunView,
  ShareView,
  SubmitRunRequest,
  TaskView,
  TemplateView,
  WorkerCommandRequest,
  WorkerCommandView,
  WorkerView,
} from "../../contracts/index.ts";
import type { Actor, Control, LiveLog, LogChunk, ReadModel } from "../control.ts";

/**
 * Stands in for leader and follower in the tests of the HTTP layer, over plain maps: no journal, no scheduler, no thread. Only
 * tests use it. `calls` records what the HTTP layer asked for.
 */
export class FakeCoordinator {
  readonly tokens = new Map<string, Actor | ErrorCode>(
    role.options.map((name) => [`token-of-${name}`, { tokenId: `id-${name}`, name: `the ${name}`, role: name }]),
  );
  readonly runs = new Map<string, RunView>();
  readonly tasks = new Map<string, TaskView>();
  readonly workers: WorkerView[] = [];
  readonly shares: ShareView[] = [];
  readonly patterns: PatternView[] = [];
  readonly templates: TemplateView[] = [];
  readonly mutes: MuteView[] = [];
  readonly attempts: AttemptView[] = [];
  readonly artifacts: ArtifactView[] = [];
  readonly events: FeedEvent[] = [];
  readonly liveLogs = new Map<string, AsyncQueue<LogChunk>>();
  readonly keys = new Map<string, string>();
  readonly calls: [name: string, ...args: unknown[]][] = [];
  readonly joinCode = "00000-00000";
  leads = true;
  /** Thrown by `explain`: for the tests of error replies. */
  failure: Error | undefined;
  private readonly waiters = new Set<() => void>();
  private seq = 0;

  /** Adds an event to the feed and wakes who waits for it. */
  append(event: Omit<FeedEvent, "seq" | "time">): void {
    this.seq += 1;
    this.events.push({ seq: this.seq, time: "2026-01-01T00:00:00.000Z", ...event });
    for (const wake of this.waiters) wake();
  }

  get waiting(): number {
    return this.waiters.size;
  }

  readonly control: Control = {
    authenticate: (token): Result<Actor, Fault> => {
      const known = this.tokens.get(token) ?? "unauthenticated";
      return typeof known === "string" ? err(fault(known, "This token does not work")) : ok(known);
    },
    submitRun: async (request, origin) => {
      this.calls.push(["submitRun", request, origin]);
      const known = origin.idempotencyKey === null ? undefined : this.keys.get(origin.idempotencyKey);
      const runId = known ?? `run-${this.runs.size + 1}`;
      if (origin.idempotencyKey !== null) this.keys.set(origin.idempotencyKey, runId);
      if (known === undefined) this.addRun(runId, request);
      return { run_id: runId, tasks: request.tasks.length, duplicate: known !== undefined };
    },
    cancelRun: async (runId, origin) => {
      this.calls.push(["cancelRun", runId, origin]);
      if (!this.runs.has(runId)) throw assayError("not_found", `There is no run ${runId}`);
    },
    cancelTask: async (task, origin) => void this.calls.push(["cancelTask", task, origin]),
    quarantineWorker: async (workerId, origin) => void this.calls.push(["quarantineWorker", workerId, origin]),
    releaseWorker: async (workerId, origin) => void this.calls.push(["releaseWorker", workerId, origin]),
    commandWorker: async (workerId, request, origin) => {
      this.calls.push(["commandWorker", workerId, request.action, origin.by.name]);
      return commandView(workerId, request);
    },
    workerCommands: (workerId) => [commandView(workerId, { action: "drain", version: null, reason: "upkeep" })],
    shares: () => this.shares,
    setShare: async ({ kind, name, weight, max_running }, origin) => {
      this.calls.push(["setShare", kind, name, origin.by.name]);
      return { kind, name, weight, max_running, running: 0, waiting: 0 };
    },
    patterns: () => this.patterns,
    setPattern: async ({ patternId, action, reason }, origin) => {
      this.calls.push(["setPattern", patternId, action, reason, origin.by.name]);
      const known = this.patterns.find(({ pattern_id }) => pattern_id === patternId);
      if (!known) throw assayError("not_found", `There is no pattern ${patternId}`);
      return { ...known, state: action === "allow" ? "allowed" : "avoided" };
    },
    templates: () =>
      this.templates.map(({ template, ...origin }) => ({
        ...origin,
        description: template.description,
        extends: template.extends ?? null,
      })),
    template: (name, version) =>
      this.templates.find((one) => one.name === name && one.version === (version ?? one.version)) ?? null,
    addTemplate: async (template, origin) => {
      this.calls.push(["addTemplate", template.name, origin.by.name]);
      const view = { name: template.name, version: 1, create_time: "2026-01-01T00:00:00.000Z" };
      return { ...view, created_by: origin.by.name, template };
    },
    removeTemplate: async (name, origin) => void this.calls.push(["removeTemplate", name, origin.by.name]),
    mutes: async () => this.mutes,
    muteTest: async ({ owner, ...request }, origin) => {
      this.calls.push(["muteTest", request.test_id, origin.by.name]);
      const { name: by } = origin.by;
      return { ...request, mute_id: "m1", owner: owner ?? by, muted_by: by, since: "2026-01-01T00:00:00.000Z" };
    },
    unmuteTest: async (muteId, origin) => void this.calls.push(["unmuteTest", muteId, origin.by.name]),
    createToken: async (request: CreateTokenRequest) => {
      const { role: granted, name } = request;
      return { token_id: "token-1", token: "assay_viewer_x", role: granted, name, expires_at: null };
    },
    createJoinCode: async ({ name = "tab-1", pool }) => {
      return { code: this.joinCode, worker_id: "tab-1", name, pool, expires_at: "2026-01-01T00:10:00.000Z" };
    },
    join: async (code) => {
      if (code !== this.joinCode) throw assayError("unauthenticated", "This code is no good");
      const tab = { worker_id: "tab-1", name: "tab-1", pool: "tabs" };
      return { token: "assay_tab_x", ...tab, expires_at: "2026-01-01T00:10:00.000Z" };
    },
    tokens: () => [
      { token_id: "token-1", name: "phone", role: "tab", worker_id: "tab-1", expires_at: "2026-01-01T00:10:00.000Z" },
    ],
    revokeToken: async (tokenId) => void this.calls.push(["revokeToken", tokenId]),
    explain: async ({ runId, taskId }): Promise<Explanation> => {
      if (this.failure !== undefined) throw this.failure;
      const common = {
        waiting_for: [],
        not_before: null,
        expected_start: null,
        would_preempt: null,
        claimed: [],
        ahead: 3,
        workers: [],
      };
      return { run_id: runId, task_id: taskId, state: "queued", summary: "Three tasks are ahead", ...common };
    },
    status: () => ({
      assay_version: "0.1.0",
      protocol_version: 1,
      epoch: 1,
      seq: this.seq,
      started_at: "2026-01-01T00:00:00.000Z",
      workers: { ready: 1, suspect: 0, flapping: 0, quarantined: 0, draining: 0, lost: 0, left: 0 },
      tasks: noTasks,
      active_runs: this.runs.size,
    }),
    ready: () => this.leads,
  };

  readonly readModel: ReadModel = {
    runs: async (query) => {
      this.calls.push(["runs", query]);
      return pageOf([...this.runs.values()], query);
    },
    run: async (runId) => this.runs.get(runId) ?? null,
    tasks: async (query) => pageOf([...this.tasks.values()], query),
    task: async (runId, taskId) => this.tasks.get(`${runId} ${taskId}`) ?? null,
    attempts: async (query) => {
      const ofTask = (one: AttemptView): boolean => one.run_id === query.run_id && one.task_id === query.task_id;
      return pageOf(query.task_id === undefined ? this.attempts : this.attempts.filter(ofTask), query);
    },
    workers: async (query) => pageOf(this.workers, query),
    results: async (query) => pageOf([], query),
    artifacts: async (query) => {
      const asked = (one: ArtifactView): boolean =>
        (query.sha256 === undefined || one.sha256 === query.sha256) &&
        (query.run_id === undefined || one.run_id === query.run_id);
      return pageOf(this.artifacts.filter(asked), query);
    },
    tests: async (query) => {
      this.calls.push(["tests", query]);
      return pageOf([], query);
    },
    knownTests: async (request) => {
      this.calls.push(["knownTests", request]);
      return [];
    },
    evidenceSince: async (tests) => tests.map(() => ({ runs: 0, passes: 0, failures: 0, flaky_probability: 0.16 })),
    sql: async (sql, maxRows) => {
      this.calls.push(["sql", sql, maxRows]);
      return { columns: ["n", "document"], rows: [[1, { nested: ["any", null] }]], truncated: false };
    },
    feed: async (afterSeq, { limit, runId, type }) => {
      const rest = this.events.filter((event) => event.seq > afterSeq).slice(0, limit);
      const wanted = (event: FeedEvent): boolean =>
        (runId === undefined || event.run_id === runId) && (type === undefined || event.type === type);
      const events = rest.filter(wanted);
      return { events, nextSeq: rest.at(-1)?.seq ?? afterSeq };
    },
    grown: (seq, signal) => this.grown(seq, signal),
    stateHash: async () => ({ seq: this.seq, leader: "a", replay: "a", equal: true }),
  };

  readonly liveLog: LiveLog = {
    follow: (attempt, signal) => this.follow(`${attempt.runId} ${attempt.taskId} ${attempt.attempt}`, signal),
  };

  private async *follow(key: string, signal: AbortSignal): AsyncGenerator<LogChunk, void, undefined> {
    const queue = this.liveLogs.get(key);
    if (queue === undefined) return;
    signal.addEventListener("abort", () => queue.close(), { once: true });
    yield* queue;
  }

  private async grown(seq: number, signal: AbortSignal): Promise<void> {
    if (this.seq > seq || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiters.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.waiters.delete(resolve);
  }

  private addRun(runId: string, request: SubmitRunRequest): void {
    const counts = { ...noTasks, total: request.tasks.length, waiting: request.tasks.length };
    const times = { create_time: "2026-01-01T00:00:00.000Z", end_time: null };
    this.runs.set(runId, { run_id: runId, name: request.name, state: "running", submitted_by: "x", ...times, counts });
  }
}

const noTasks = { total: 0, waiting: 0, running: 0, completed: 0, failed: 0, error: 0, cancelled: 0, skipped: 0 };

/** A cursor here is the number of items before it. */
function pageOf<Item>(
  items: readonly Item[],
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Page<Item> {
  const start = Number(cursor ?? 0);
  const end = start + limit;
  return { items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null };
}

/** A task as the read model shows it. */
export function taskViewOf(runId: string, taskId: string, more: Partial<TaskView> = {}): TaskView {
  return {
    run_id: runId,
    task_id: taskId,
    type: "command",
    priority: 50,
    status: "queued",
    failure_class: null,
    attempts: 0,
    worker_id: null,
    create_time: "2026-01-01T00:00:00.000Z",
    start_time: null,
    end_time: null,
    spec: {
      task_id: taskId,
      type: "command",
      config: { command: "true", env: {}, artifacts: [] },
      priority: 50,
      requirements: {},
      timeout_seconds: 60,
      retry_policy: { max_retries: 2, retry_delay_seconds: 1 },
      depends_on: [],
      labels: {},
      resources: {},
      fallback: [],
    },
    ...more,
  };
}

/** An attempt as the read model shows it. */
export function attemptViewOf(task: TaskView, attempt: number, status: AttemptView["status"]): AttemptView {
  return {
    run_id: task.run_id,
    task_id: task.task_id,
    attempt,
    worker_id: "w1",
    lease_seq: attempt,
    status,
    hardware: null,
    lease_time: "2026-01-01T00:00:00.000Z",
    start_time: null,
    end_time: null,
    execution_time_seconds: null,
    failure: null,
  };
}

function commandView(
  workerId: string,
  { action, version, reason }: Pick<WorkerCommandRequest, "action" | "version" | "reason">,
): WorkerCommandView {
  return {
    command_id: "c1",
    worker_id: workerId,
    action,
    state: "pending",
    deadline_seconds: null,
    version,
    requested_by: "somebody",
    reason,
    create_time: "2026-01-01T00:00:00.000Z",
    message: null,
  };
}
