import { dependencyTask } from "../src/contracts/index.ts";
import type { JournalEvent, JournalEventOf } from "../src/contracts/index.ts";
import { isExclusive, isOver } from "./books.ts";
import type { LeaseBook, RunBook, TaskBook, WorkerBook } from "./books.ts";
import type { Coverage } from "./coverage.ts";
import { demand } from "./violation.ts";

type ShareEvent = JournalEventOf<"share_set">;

/** The books of all runs and workers, brought up to date by the checker, which looks at an event before it is entered here. */
export class Ledger {
  readonly runs = new Map<string, RunBook>();
  readonly workers = new Map<string, WorkerBook>();
  readonly leases = new Map<number, LeaseBook>();
  readonly locks = new Map<string, LeaseBook>();
  /** Workers kept free for a task, until they leave their machine. */
  readonly claims = new Map<TaskBook, Set<string>>();
  /** Workers that a person put in quarantine: there they stay, also when they leave and come back. */
  private readonly heldByHand = new Set<string>();
  readonly shares = new Map<string, Pick<ShareEvent, "weight" | "maxRunning">>();
  /** Leases held by pool, by pool and user, and by run. */
  readonly running = new Map<string, number>();
  /** When a pool, a user or a run was last given a lease, or had something ready again. */
  readonly served = new Map<string, number>();
  readonly waiting = new Map<string, number>();
  readonly tokens = new Map<string, { counts: boolean; event: JournalEventOf<"token_created"> }>();
  openRuns = 0;
  private orders = 0;

  mustWorker(workerId: string): WorkerBook {
    const worker = this.workers.get(workerId);
    demand(worker, "S3", () => `worker ${workerId} is not known`);
    return worker;
  }

  mustRun(runId: string): RunBook {
    const run = this.runs.get(runId);
    demand(run, "S18", () => `run ${runId} is not known`);
    return run;
  }

  mustTask(ref: { runId: string; taskId: string }): TaskBook {
    const task = this.mustRun(ref.runId).tasks.get(ref.taskId);
    demand(task, "S18", () => `task ${ref.taskId} is not known`);
    return task;
  }

  /** What was given to a tab goes when its time is over, and a token is made. */
  addToken(made: JournalEventOf<"token_created">, atMs: number): void {
    for (const [tokenId, { event }] of this.tokens)
      if ("tab" in event && event.expiresAtMs <= atMs) this.tokens.delete(tokenId);
    this.tokens.set(made.tokenId, { counts: true, event: made });
  }

  /** A code goes at once. */
  revokeToken(tokenId: string, coverage: Coverage): void {
    coverage.reached("token revoked");
    const token = this.tokens.get(tokenId);
    demand(token, "S20", () => `token ${tokenId} is not known`);
    token.counts = false;
    if (token.event.role === "join_code") this.tokens.delete(tokenId);
  }

  /** What was due while the leader stood still is due so much later. */
  excuse(stalledMs: number): void {
    for (const worker of this.workers.values()) if (worker.lostAtMs !== null) worker.lostAtMs += stalledMs;
  }

  openEpoch(lostAtMs: number): void {
    for (const worker of this.workers.values()) {
      worker.online = false;
      worker.ready = false;
      worker.lostAtMs = lostAtMs;
    }
  }

  submit(event: JournalEventOf<"run_submitted">, atMs: number): void {
    const run: RunBook = {
      runId: event.runId,
      pool: event.pool,
      checks: event.checks ?? null,
      user: event.submittedBy,
      order: (this.orders += 1),
      tasks: new Map(),
      dependents: new Map(),
      groups: new Map(),
      open: event.tasks.length,
      cancelRequested: false,
      ended: false,
    };
    this.runs.set(run.runId, run);
    this.openRuns += 1;
    for (const spec of event.tasks) {
      const task: TaskBook = {
        run,
        id: spec.task_id,
        spec,
        order: (this.orders += 1),
        state: spec.depends_on.length > 0 ? "blocked" : "queued",
        readySinceMs: 0,
        notBeforeMs: 0,
        alternatives: spec.fallback.filter((one) => one.after_seconds === 0).length,
        cancelRequested: false,
        leases: [],
        attempts: 0,
        payload: null,
        failures: new Map(),
        lostUnder: new Set(),
        accepted: new Set(),
      };
      run.tasks.set(task.id, task);
      for (const one of spec.depends_on) push(run.dependents, dependencyTask(one), task);
      if (spec.group !== undefined) push(run.groups, spec.group, task);
    }
    for (const task of run.tasks.values()) if (task.state === "queued") this.ready(task, atMs);
  }

  finish(run: RunBook): void {
    run.ended = true;
    this.openRuns -= 1;
  }

  archive(run: RunBook): void {
    this.runs.delete(run.runId);
    this.served.delete(run.runId);
    const others = [...this.runs.values()];
    if (!others.some(({ pool, user }) => pool === run.pool && user === run.user))
      this.served.delete(`${run.pool}/${run.user}`);
    if (!others.some(({ pool }) => pool === run.pool)) this.served.delete(run.pool);
  }

  ready(task: TaskBook, atMs: number): void {
    task.state = "queued";
    task.notBeforeMs = 0;
    if (task.readySinceMs === 0) task.readySinceMs = atMs;
    this.wait(task, 1, atMs);
  }

  requeue(task: TaskBook, notBeforeMs: number, atMs: number): void {
    if (notBeforeMs === 0) return this.ready(task, atMs);
    task.state = "queued";
    task.notBeforeMs = notBeforeMs;
  }

  lease(
    task: TaskBook,
    worker: WorkerBook,
    given: { seq: number; attempt: number; gpus: readonly number[]; atMs: number; history: number },
  ): LeaseBook {
    const isHedge = task.leases.length > 0;
    const lease: LeaseBook = { ...given, task, worker, isHedge, startedAtMs: null, revoked: null };
    if (!isHedge) {
      this.wait(task, -1, given.atMs);
      task.state = "leased";
    }
    task.leases.push(lease);
    task.attempts += 1;
    worker.leases.add(lease);
    this.leases.set(lease.seq, lease);
    for (const lock of task.spec.resources.locks ?? []) this.locks.set(lock, lease);
    this.count(task.run, 1);
    for (const key of keysOf(task.run)) this.served.set(key, given.atMs);
    return lease;
  }

  release(lease: LeaseBook): void {
    const { task, worker } = lease;
    task.leases = task.leases.filter((one) => one !== lease);
    worker.leases.delete(lease);
    this.leases.delete(lease.seq);
    for (const lock of task.spec.resources.locks ?? []) if (this.locks.get(lock) === lease) this.locks.delete(lock);
    this.count(task.run, -1);
  }

  settle(task: TaskBook, state: TaskBook["state"], atMs: number): void {
    if (task.state === "queued" && task.notBeforeMs === 0) this.wait(task, -1, atMs);
    this.unclaim(task);
    task.state = state;
    task.run.open -= 1;
    for (const dependent of task.run.dependents.get(task.id) ?? []) {
      if (dependent.state !== "blocked") continue;
      const met = dependent.spec.depends_on.every((one) => this.isMet(task.run, one));
      if (met) this.ready(dependent, atMs);
    }
  }

  /** For whom a worker is kept free, an exclusive claim counting for all workers of the machine. */
  claimOn(worker: WorkerBook): TaskBook | undefined {
    for (const [task, workers] of this.claims) {
      if (workers.has(worker.workerId)) return task;
      if (!isExclusive(task)) continue;
      for (const workerId of workers)
        if (this.workers.get(workerId)?.capabilities.hostname === worker.capabilities.hostname) return task;
    }
    return undefined;
  }

  /** A worker that left its machine is kept free no more, should it come back at once. */
  private unhold(workerId: string): void {
    for (const workers of this.claims.values()) workers.delete(workerId);
  }

  /** Ends the claim of a task; with any member of a group it ends for all of them. */
  unclaim(task: TaskBook): void {
    const { group } = task.spec;
    if (group === undefined) this.claims.delete(task);
    else for (const member of task.run.groups.get(group) ?? []) this.claims.delete(member);
  }

  worker(event: Extract<JournalEvent, { type: `worker_${string}` }>, atMs: number, coverage: Coverage): void {
    if (event.type === "worker_registered") return this.register(event, atMs, coverage);
    const worker = this.mustWorker(event.workerId);
    switch (event.type) {
      case "worker_reported":
      case "worker_commanded":
      case "worker_answered":
        return;
      case "worker_suspected":
        worker.online = false;
        worker.ready = false;
        worker.lostAtMs = event.lostAtMs;
        if (event.connected) coverage.reached("worker silent");
        return;
      case "worker_resumed":
        return comeOnline(worker, atMs);
      case "worker_flapping":
        worker.heldUntilMs = event.untilMs;
        coverage.reached("worker flapping");
        return comeOnline(worker, atMs);
      case "worker_quarantined":
      case "worker_released":
        worker.quarantined = event.type === "worker_quarantined";
        if (worker.quarantined && event.by !== null) this.heldByHand.add(worker.workerId);
        else this.heldByHand.delete(worker.workerId);
        worker.ready = takesWork(worker, atMs);
        coverage.reached(worker.quarantined ? "worker quarantined" : "worker released");
        return;
      case "worker_lost":
        demand(
          worker.lostAtMs !== null && worker.lostAtMs <= atMs,
          "S13",
          () => `${worker.workerId} is lost too early`,
        );
        demand(worker.leases.size === 0, "S3", () => `${worker.workerId} is lost with leases`);
        coverage.reached("worker lost");
        return;
      case "worker_draining":
        worker.draining = true;
        coverage.reached("worker drained");
        return;
      case "worker_left":
        demand(worker.leases.size === 0, "S3", () => `${worker.workerId} leaves with leases`);
        this.unhold(worker.workerId);
        this.workers.delete(worker.workerId);
    }
  }

  private register(event: JournalEventOf<"worker_registered">, atMs: number, coverage: Coverage): void {
    const { workerId, incarnation, capabilities, slots, credits } = event;
    const known = this.workers.get(workerId);
    const draining = known?.incarnation === incarnation && known.draining;
    const { quarantined = this.heldByHand.has(workerId), heldUntilMs = 0 } = known ?? {};
    const facts = { incarnation, capabilities, slots, credits, draining, quarantined, heldUntilMs, lostAtMs: null };
    if (known) {
      if (known.leases.size > 0) coverage.reached("resend after reconnect");
      if (known.capabilities.hostname !== capabilities.hostname) this.unhold(workerId);
      Object.assign(known, facts);
    } else this.workers.set(workerId, { workerId, leases: new Set(), ready: false, online: false, ...facts });
    comeOnline(this.mustWorker(workerId), atMs);
  }

  private isMet(run: RunBook, one: TaskBook["spec"]["depends_on"][number]): boolean {
    const end = run.tasks.get(dependencyTask(one))?.state ?? "blocked";
    const condition = typeof one === "string" ? "success" : one.condition;
    return (
      isOver(end) && (condition === "always" || (condition === "success" ? end === "completed" : end === "failed"))
    );
  }

  private wait(task: TaskBook, change: 1 | -1, atMs: number): void {
    for (const key of keysOf(task.run)) {
      const count = this.waiting.get(key) ?? 0;
      if (change === 1 && count === 0) this.served.set(key, Math.max(this.served.get(key) ?? 0, atMs));
      this.waiting.set(key, count + change);
    }
  }

  private count(run: RunBook, change: 1 | -1): void {
    for (const key of keysOf(run)) this.running.set(key, (this.running.get(key) ?? 0) + change);
  }
}

function comeOnline(worker: WorkerBook, atMs: number): void {
  worker.online = true;
  worker.lostAtMs = null;
  worker.ready = takesWork(worker, atMs);
}

const takesWork = ({ online, quarantined, heldUntilMs }: WorkerBook, atMs: number): boolean =>
  online && !quarantined && heldUntilMs <= atMs;

/** The names of a run's pool, user and run; a health check is in nobody's share. */
export function keysOf(run: RunBook): [string, string, string] {
  if (run.checks !== null) return [run.runId, run.runId, run.runId];
  return [run.pool, `${run.pool}/${run.user}`, run.runId];
}

function push<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
