import { Heap, asRunId, asWorkerId } from "../src/base/index.ts";
import type { HeapItem } from "../src/base/index.ts";
import { capabilityDocument, taskSpec } from "../src/contracts/index.ts";
import type { CapabilityDocument, PlacedEvent, TaskSpec, TaskSpecInput } from "../src/contracts/index.ts";
import { REVIEW_INTERVAL_MS, assign, emptyState, nextTimerMs, review, step } from "../src/scheduler/index.ts";
import type { Command, Lease, State, Task } from "../src/scheduler/index.ts";

/** Leases granted in one turn, as the coordinator's leader does. */
const LEASES_PER_TURN = 2_048;

export interface WorkerPlan {
  name: string;
  /** Words for its kind of machine. */
  model: string;
  /** Work done in a millisecond of virtual time. */
  speed: number;
  slots?: number;
  /** Leases that it holds beside those that run; what a real worker asks for. */
  reserve?: number;
  capabilities?: Partial<CapabilityDocument>;
}

interface Worker extends WorkerPlan {
  readonly waiting: Lease[];
  readonly running: Set<Lease>;
  slots: number;
}

interface End extends HeapItem {
  readonly atMs: number;
  readonly worker: Worker;
  readonly lease: Lease;
}

/**
 * Simulated workers, driven by the production scheduler over a virtual clock: a discrete-event loop that does what the
 * coordinator's leader and the workers' slots do, without journal and network. Messages take no time.
 */
export class VirtualFleet {
  readonly state: State = emptyState();
  nowMs = 1_000;
  private readonly workers = new Map<string, Worker>();
  private readonly ends = new Heap<End>((a, b) => a.atMs - b.atMs);
  private readonly workMs: (task: Task) => number;
  private readonly observers: ((event: PlacedEvent) => void)[] = [];
  private runs = 0;
  private reviewAtMs = 0;

  /** `workMs`: what a task takes on a worker of speed 1. */
  constructor(workMs: (task: Task) => number) {
    this.workMs = workMs;
  }

  observe(observer: (event: PlacedEvent) => void): void {
    this.observers.push(observer);
  }

  addWorker(plan: WorkerPlan): void {
    const { name, slots = 1, reserve = 2 } = plan;
    this.workers.set(name, { ...plan, slots, waiting: [], running: new Set() });
    this.execute({
      type: "register_worker",
      workerId: asWorkerId(name),
      name,
      incarnation: "1",
      sessionId: name,
      capabilities: capabilitiesOf(plan),
      slots,
      credits: slots + reserve,
      held: [],
    });
  }

  submit(tasks: TaskSpec[], more: { user?: string; pool?: string } = {}): string {
    this.runs += 1;
    const runId = `run-${this.runs}`;
    const { user = "somebody", pool = "default" } = more;
    const command: Command = {
      type: "submit_run",
      runId: asRunId(runId),
      name: "bench",
      submittedBy: user,
      idempotencyKey: null,
      digest: "",
      waitForCapacity: true,
      pool,
      tasks,
    };
    this.execute(command);
    return runId;
  }

  /** Commands come between turns. */
  execute(command: Command): void {
    const { events, reply } = step(this.state, command, this.nowMs);
    if (reply.type === "refused") throw new Error(reply.fault.message);
    this.deliver(events);
  }

  /** Lets time pass until nothing is left to do, or `until`. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (;;) {
      this.turn();
      const nextMs = this.nextMs();
      if (nextMs === Number.POSITIVE_INFINITY || nextMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
    }
    if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs);
  }

  private nextMs(): number {
    const { state } = this;
    if (state.leases.size === 0 && state.counts.waiting === 0) return Number.POSITIVE_INFINITY;
    const endMs = this.ends.peek()?.atMs ?? Number.POSITIVE_INFINITY;
    return Math.min(endMs, nextTimerMs(state) ?? Number.POSITIVE_INFINITY, this.reviewAtMs);
  }

  /** What is due now, then one pass of assignments: again until nothing more happens at this moment. */
  private turn(): void {
    for (;;) {
      for (let end = this.ends.peek(); end && end.atMs <= this.nowMs; end = this.ends.peek()) this.finish(end);
      while ((nextTimerMs(this.state) ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.execute({ type: "tick" });
      const isReview = this.nowMs >= this.reviewAtMs;
      if (isReview) this.reviewAtMs = this.nowMs + REVIEW_INTERVAL_MS;
      const events = (isReview ? review : assign)(this.state, this.nowMs, LEASES_PER_TURN);
      this.deliver(events);
      if (events.length === 0) return;
    }
  }

  private deliver(events: readonly PlacedEvent[]): void {
    for (const placed of events) {
      for (const observer of this.observers) observer(placed);
      const { event, seq } = placed;
      if (event.type === "attempt_leased") this.take(event.workerId, this.state.leases.get(seq));
      else if (event.type === "attempt_revoked") this.giveBack(event.workerId, event.leaseSeq, event.running);
      else if (event.type === "attempt_finished") this.forget(event.workerId, event.leaseSeq);
    }
  }

  private take(workerId: string, lease: Lease | undefined): void {
    const worker = this.workers.get(workerId);
    if (!worker || !lease) return;
    worker.waiting.push(lease);
    this.startNext(worker);
  }

  private startNext(worker: Worker): void {
    while (worker.running.size < worker.slots) {
      const lease = worker.waiting.shift();
      if (!lease) return;
      worker.running.add(lease);
      this.execute({
        type: "attempt_started",
        workerId: lease.workerId,
        leaseSeq: lease.leaseSeq,
        startedAtMs: this.nowMs,
      });
      const durationMs = this.workMs(lease.task) / worker.speed;
      this.ends.add({ atMs: this.nowMs + durationMs, worker, lease, heapIndex: -1 });
    }
  }

  private finish(end: End): void {
    this.ends.remove(end);
    const { worker, lease } = end;
    if (!worker.running.has(lease)) return;
    const { task, leaseSeq, attempt, workerId } = lease;
    const startedAtMs = lease.startedAtMs ?? this.nowMs;
    this.execute({
      type: "attempt_finished",
      workerId,
      item: {
        lease_seq: leaseSeq,
        run_id: task.run.runId,
        attempt,
        started_at_ms: startedAtMs,
        finished_at_ms: this.nowMs,
        result: {
          task_id: task.taskId,
          worker_id: workerId,
          status: "completed",
          execution_time_seconds: (this.nowMs - startedAtMs) / 1000,
          ...noMore,
        },
      },
      digest: "",
    });
  }

  private giveBack(workerId: string, leaseSeq: number, running: boolean): void {
    const worker = this.workers.get(workerId);
    const lease = this.state.leases.get(leaseSeq);
    if (!worker || !lease) return;
    if (!running && worker.running.has(lease)) return;
    this.execute({ type: "attempt_released", workerId: lease.workerId, leaseSeq, reason: "revoked" });
  }

  /** The attempt is over, by the worker's own word or the coordinator's. */
  private forget(workerId: string, leaseSeq: number): void {
    const worker = this.workers.get(workerId);
    if (!worker) return;
    const index = worker.waiting.findIndex((lease) => lease.leaseSeq === leaseSeq);
    if (index >= 0) worker.waiting.splice(index, 1);
    for (const lease of worker.running) if (lease.leaseSeq === leaseSeq) worker.running.delete(lease);
    this.startNext(worker);
  }
}

const noMore = {
  hardware_metrics: {},
  results: {},
  simulation_status: { is_simulated: true },
  recovery: [],
  metrics: [],
  artifacts: [],
};

export function capabilitiesOf(plan: Pick<WorkerPlan, "name" | "model" | "capabilities">): CapabilityDocument {
  return capabilityDocument.parse({
    hostname: plan.name,
    os: { platform: "linux", release: "6", arch: "x64" },
    cpu: { model: plan.model, cores: 8, threads: 8 },
    memory_gb: 32,
    disk_free_gb: 100,
    hardware: ["cpu"],
    task_types: ["command"],
    ...plan.capabilities,
  });
}

/** A task whose work is told apart by its command. */
export function commandTask(taskId: string, command: string, more: Partial<TaskSpecInput> = {}): TaskSpec {
  return taskSpec.parse({ task_id: taskId, type: "command", config: { command }, ...more });
}
