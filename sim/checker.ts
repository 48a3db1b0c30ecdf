import { dependencyCondition, dependencyTask } from "../src/contracts/index.ts";
import type { JournalEvent, JournalEventOf, PlacedEvent, TaskState } from "../src/contracts/index.ts";
import { isOver, isReady, misfit, shortage } from "./books.ts";
import { isAtQuota, machineIsFree, mayBeLeased, meets, takesWork, withinQuota } from "./lease-rules.ts";
import type { LeaseBook, RunBook, TaskBook } from "./books.ts";
import type { Coverage } from "./coverage.ts";
import { Ledger } from "./ledger.ts";
import { checkResult, checkRetry, checkVerdict, noteLease, noteProgress } from "./verdict-rules.ts";
import { demand } from "./violation.ts";

type TaskEvent = Extract<
  JournalEvent,
  { type: `attempt_${string}` | `claim_${string}` | "retry_due" | "fallback_opened" | "result_conflict" }
>;

const isAboutWorker = (event: JournalEvent): event is Extract<JournalEvent, { type: `worker_${string}` }> =>
  event.type.startsWith("worker_");

const PREEMPTION_GAP = 10;
/** So many dependencies of one task are many. */
const WIDE = 8;

/** Patterns, templates and mutes: no rule of the simulator speaks of them. */
function isAboutNoTask(
  event: JournalEvent,
): event is Extract<
  JournalEvent,
  { type: `pattern_${string}` | `template_${string}` | `test_${string}` | "avoidance_set" }
> {
  return /^(pattern|template|test|avoidance)_/.test(event.type);
}

/** Holds every event of the journal against what came before it. O(1) for most, O(leases of the worker) for a lease. */
export class Checker {
  readonly ledger = new Ledger();
  coverage: Coverage;
  /** What the next batch belongs to. */
  history = 1;
  private readonly prompt: boolean;
  private readonly keys = new Map<string, string>();
  private lastSeq = 0;
  private lastMs = 0;
  private epoch = 0;
  private leasedInBatch: LeaseBook[] = [];
  private touchedRuns = new Set<RunBook>();

  /** `prompt`: nothing goes wrong, so that what is due happens at once. */
  constructor(coverage: Coverage, prompt: boolean) {
    this.coverage = coverage;
    this.prompt = prompt;
  }

  /** The first event of a batch comes next. */
  batch(batch: { epoch: number; timeMs: number }, opens: boolean): void {
    demand(batch.epoch === this.epoch || (opens && batch.epoch > this.epoch), "S5", () => `epoch ${batch.epoch}`);
    demand(batch.timeMs >= this.lastMs, "S8", () => `time fell from ${this.lastMs} to ${batch.timeMs}`);
    this.lastMs = batch.timeMs;
  }

  /** All events of a batch were applied. */
  batchEnd(): void {
    for (const { task } of this.leasedInBatch) {
      if (task.spec.group === undefined || task.leases.length === 0) continue;
      for (const member of task.run.groups.get(task.spec.group) ?? []) {
        const held = isOver(member.state) || member.leases.length > 0;
        demand(held, "S4", () => `${task.id} of a group was leased without ${member.id}`);
      }
      this.coverage.reached("group started");
    }
    for (const run of this.touchedRuns) {
      demand(run.ended === (run.open === 0), "S18", () => `run ${run.runId} has ${run.open} open tasks`);
      for (const task of run.tasks.values())
        demand(task.state !== "blocked" || !run.ended, "S10", () => `${task.id} stays blocked`);
    }
    this.leasedInBatch = [];
    this.touchedRuns.clear();
  }

  event({ seq, atMs, event }: PlacedEvent): void {
    demand(seq === this.lastSeq + 1, "S8", () => `event ${seq} after ${this.lastSeq}`);
    this.lastSeq = seq;
    if (isAboutWorker(event)) return this.ledger.worker(event, atMs, this.coverage);
    if (isAboutNoTask(event)) return;
    switch (event.type) {
      case "epoch_opened":
        demand(event.epoch > this.epoch, "S5", () => `epoch ${event.epoch} after ${this.epoch}`);
        this.epoch = event.epoch;
        return this.ledger.openEpoch(atMs + event.graceMs);
      case "run_submitted":
        return this.submitted(event, atMs);
      case "run_cancelled": {
        const run = this.ledger.mustRun(event.runId);
        demand(!run.ended && !run.cancelRequested, "S11", () => `run ${run.runId} is cancelled twice or late`);
        run.cancelRequested = true;
        this.coverage.reached("run cancelled");
        for (const task of run.tasks.values()) this.cancel(task);
        return;
      }
      case "run_finished":
        return this.finished(event);
      case "run_archived":
        demand(this.ledger.mustRun(event.runId).ended, "S11", () => `run ${event.runId} is archived before its end`);
        this.coverage.reached("run archived");
        return this.ledger.archive(this.ledger.mustRun(event.runId));
      case "task_cancelled":
        this.coverage.reached(event.by === "scheduler" ? "group cancelled" : "task cancelled");
        return this.cancel(this.ledger.mustTask(event));
      case "task_skipped":
        return this.skipped(event);
      case "share_set":
        return void this.ledger.shares.set(`${event.kind}:${event.name}`, event);
      case "leader_stalled":
        return this.ledger.excuse(event.stalledMs);
      case "token_created":
        return this.ledger.addToken(event, atMs);
      case "token_revoked":
        return this.ledger.revokeToken(event.tokenId, this.coverage);
      default:
        return this.taskEvent(event, seq, atMs);
    }
  }

  private taskEvent(event: TaskEvent, seq: number, atMs: number): void {
    switch (event.type) {
      case "attempt_leased":
        return this.leased(event, seq, atMs);
      case "attempt_started":
        return this.started(event);
      case "attempt_revoked":
        return this.revoked(event);
      case "attempt_finished":
        return this.ended(event, atMs);
      case "attempt_progressed":
        this.coverage.reached("payload handed on");
        return noteProgress(this.ledger.mustTask(event), event);
      case "retry_due": {
        const task = this.ledger.mustTask(event);
        checkRetry(task, { prompt: this.prompt, atMs });
        this.coverage.reached("retry waited");
        return this.ledger.ready(task, atMs);
      }
      case "fallback_opened": {
        const task = this.ledger.mustTask(event);
        const { after_seconds: seconds } = task.spec.fallback[event.alternative - 1] ?? { after_seconds: Infinity };
        demand(
          isReady(task) && event.alternative > task.alternatives,
          "S9",
          () => `fallback of ${task.id} opens twice`,
        );
        demand(atMs >= task.readySinceMs + seconds * 1000, "S9", () => `fallback of ${task.id} opens too early`);
        task.alternatives = event.alternative;
        this.coverage.reached("fallback opened");
        return;
      }
      case "claim_opened":
        return this.claimed(event);
      case "claim_dropped":
        demand(this.ledger.claims.has(this.ledger.mustTask(event)), "S9", () => "a claim that is not there is dropped");
        this.coverage.reached("claim dropped");
        return this.ledger.unclaim(this.ledger.mustTask(event));
      case "result_conflict":
        demand(
          this.ledger.mustTask(event).accepted.has(event.attempt),
          "S2",
          () => "a conflict without an accepted result",
        );
        this.coverage.reached("conflicting result");
        return;
    }
  }

  private submitted(event: JournalEventOf<"run_submitted">, atMs: number): void {
    demand(!this.ledger.runs.has(event.runId), "S16", () => `run ${event.runId} is submitted twice`);
    const { idempotencyKey: key } = event;
    if (key !== null) {
      demand(!this.keys.has(key), "S16", () => `key ${key} made two runs`);
      this.keys.set(key, event.runId);
    }
    if ((event.tasks.at(-1)?.depends_on.length ?? 0) >= WIDE) this.coverage.reached("wide fan-in");
    this.ledger.submit(event, atMs);
  }

  private finished(event: JournalEventOf<"run_finished">): void {
    const run = this.ledger.mustRun(event.runId);
    const states = [...run.tasks.values()].map(({ state }) => state);
    demand(!run.ended, "S11", () => `run ${run.runId} ends twice`);
    demand(states.every(isOver), "S18", () => `run ${run.runId} ends with open tasks`);
    const wanted = endOf(run, states);
    demand(event.state === wanted, "S18", () => `run ${run.runId} is ${event.state}, not ${wanted}`);
    this.ledger.finish(run);
    this.touchedRuns.add(run);
  }

  private cancel(task: TaskBook): void {
    if (task.leases.length > 0) task.cancelRequested = true;
    else if (!isOver(task.state)) this.settle(task, "cancelled");
  }

  private skipped(event: JournalEventOf<"task_skipped">): void {
    const task = this.ledger.mustTask(event);
    demand(task.state === "blocked", "S10", () => `${task.id} is skipped when ${task.state}`);
    const one = task.spec.depends_on.find((other) => dependencyTask(other) === event.because);
    const end = task.run.tasks.get(event.because)?.state ?? "blocked";
    demand(
      one && isOver(end) && !meets(dependencyCondition(one), end),
      "S10",
      () => `${task.id} is skipped without cause`,
    );
    if (dependencyCondition(one) === "failure") this.coverage.reached("skipped by condition");
    this.settle(task, "skipped");
  }

  private leased(event: JournalEventOf<"attempt_leased">, seq: number, atMs: number): void {
    const task = this.ledger.mustTask(event);
    const worker = this.ledger.mustWorker(event.workerId);
    const where = (): string => `${task.id} of ${task.run.runId} on ${worker.workerId}, lease ${seq}`;
    mayBeLeased(task, worker, where);
    if (task.spec.depends_on.some((one) => dependencyCondition(one) === "failure"))
      this.coverage.reached("ran because another failed");
    demand(event.attempt === task.attempts + 1, "S13", () => `${where()} is attempt ${event.attempt}`);
    const { checks } = task.run;
    if (takesWork(task, worker, where)) this.coverage.reached("health checked");
    demand(!worker.draining, "S19", () => `${where()}: the worker is drained`);
    demand(worker.leases.size < worker.credits, "S9", () => `${where()}: above its credits`);
    const unfit = misfit(task, worker.capabilities);
    demand(unfit === null, "S9", () => `${where()}: ${unfit}`);
    const gpus = event.gpus ?? [];
    const short = shortage(task, worker, gpus);
    demand(short === null, "S9", () => `${where()}: ${short}`);
    machineIsFree(this.ledger, { task, worker }, where);
    const holder = this.ledger.claimOn(worker);
    demand(
      !holder || holder === task || holder.spec.group !== undefined,
      "S9",
      () => `${where()}: kept for ${holder?.id}`,
    );
    const { group } = task.spec;
    const begun = this.leasedInBatch.some((one) => one.task.run === task.run && one.task.spec.group === group);
    // A group that has begun to start goes on beyond the quota.
    if (checks === null && (group === undefined || !begun)) withinQuota(this.ledger, task, where);
    if (checks === null && isAtQuota(this.ledger, task)) this.coverage.reached("quota reached");
    const given = { seq, attempt: event.attempt, gpus, atMs, history: this.history };
    const lease = this.ledger.lease(task, worker, given);
    this.leasedInBatch.push(lease);
    noteLease(lease, this.coverage);
    if ((event.alternative ?? 0) > 0) this.coverage.reached("fallback used");
    if (this.ledger.claims.has(task)) this.coverage.reached("claim settled");
    this.ledger.unclaim(task);
  }

  private started(event: JournalEventOf<"attempt_started">): void {
    const lease = this.ledger.mustTask(event).leases.find((one) => one.attempt === event.attempt);
    demand(
      lease && lease.startedAtMs === null,
      "S3",
      () => `attempt ${event.attempt} of ${event.taskId} starts without a lease, or twice`,
    );
    lease.startedAtMs = event.startedAtMs;
    lease.task.state = "running";
  }

  private revoked(event: JournalEventOf<"attempt_revoked">): void {
    const lease = this.ledger.leases.get(event.leaseSeq);
    demand(lease, "S3", () => `lease ${event.leaseSeq} is revoked and not there`);
    if (event.by) {
      const { spec } = lease.task;
      const by = this.ledger.mustTask(event.by).spec;
      demand(
        by.priority - spec.priority >= PREEMPTION_GAP,
        "S14",
        () => `${spec.priority} makes room for ${by.priority}`,
      );
      const spared = spec.type === "benchmark" || spec.preemptible === false || spec.group !== undefined;
      demand(!spared, "S14", () => `${lease.task.id} is preempted and must not be`);
      this.coverage.reached("preemption");
    } else if (event.reason.includes("same group")) this.coverage.reached("group recalled");
    else this.coverage.reached("migration");
    lease.revoked = event.running ? "running" : "waiting";
  }

  private ended(event: JournalEventOf<"attempt_finished">, atMs: number): void {
    const lease = this.ledger.leases.get(event.leaseSeq);
    demand(lease, "S3", () => `lease ${event.leaseSeq} ends and is not held`);
    const { task } = lease;
    const isIts =
      task === this.ledger.mustTask(event) &&
      lease.attempt === event.attempt &&
      lease.worker.workerId === event.workerId;
    demand(isIts, "S3", () => `lease ${event.leaseSeq} ends as another's`);
    if (event.result !== null) checkResult(lease, event.result, this);
    this.ledger.release(lease);
    if (event.payload !== undefined) task.payload = event.payload;
    if (event.outcome === "preempted") this.coverage.reached("lease handed back");
    if (lease.isHedge || task.leases.length > 0)
      this.coverage.reached(event.outcome === "succeeded" ? "hedge won" : "hedge lost");
    const failure = event.failure?.class ?? null;
    if (failure !== null) task.failures.set(failure, (task.failures.get(failure) ?? 0) + 1);
    if (failure === "worker_lost") task.lostUnder.add(event.workerId);
    checkVerdict(task, event, this.coverage);
    this.follows(task, event, atMs);
  }

  private follows(task: TaskBook, { after }: JournalEventOf<"attempt_finished">, atMs: number): void {
    if (after.state === "running") return;
    if (after.state === "queued")
      return this.ledger.requeue(task, after.notBeforeMs > atMs ? after.notBeforeMs : 0, atMs);
    this.settle(task, after.state);
  }

  /** A verdict, and what follows from it for those who wait. */
  private settle(task: TaskBook, state: TaskState): void {
    demand(!isOver(task.state), "S11", () => `${task.id}, which is ${task.state}, becomes ${state}`);
    this.touchedRuns.add(task.run);
    this.ledger.settle(task, state, this.lastMs);
  }

  private claimed(event: JournalEventOf<"claim_opened">): void {
    const task = this.ledger.mustTask(event);
    demand(isReady(task) && !this.ledger.claims.has(task), "S9", () => `${task.id} claims twice, or does not wait`);
    for (const workerId of event.workers) {
      const worker = this.ledger.mustWorker(workerId);
      demand(worker.ready && !worker.draining, "S19", () => `${workerId} is claimed and takes no work`);
      demand(!this.ledger.claimOn(worker), "S9", () => `${workerId} is claimed twice`);
    }
    this.ledger.claims.set(task, new Set(event.workers));
    this.coverage.reached("claim opened");
  }
}

function endOf({ cancelRequested }: RunBook, states: readonly TaskState[]): string {
  if (cancelRequested) return "cancelled";
  return states.every((one) => one === "completed" || one === "skipped") ? "completed" : "failed";
}
