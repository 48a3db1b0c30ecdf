import { asWorkerId, seededRng } from "../src/base/index.ts";
import type { WorkerId } from "../src/base/index.ts";
import type { AssignItem, CapabilityDocument, ResultDocument } from "../src/contracts/index.ts";
import { abortReason, interruptedReport } from "../src/executors/interruption.ts";
import type { Platform } from "../src/platform/index.ts";
import type { Connection, WorkerSession } from "../src/transport/index.ts";
import type { LiveFeed } from "../src/worker/live-feed.ts";
import { Outbox } from "../src/worker/outbox.ts";
import type { AttemptEnd, AttemptRunner, Slots } from "../src/worker/slots.ts";
import { Worker } from "../src/worker/worker.ts";
import type { WorkerOptions } from "../src/worker/worker.ts";
import type { Auditor } from "./auditor.ts";
import type { LeaseBook } from "./books.ts";
import type { Coverage } from "./coverage.ts";
import type { Link, SimConnection } from "./network.ts";
import type { Options, WorkerShape } from "./options.ts";
import { planOf } from "./workload.ts";
import { newHost } from "./host.ts";
import { SimDisk } from "./sim-disk.ts";
import { demand } from "./violation.ts";
import type { Host } from "./world.ts";
import type { World } from "./world.ts";

const RESTART_MS = 500;
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const platform: Platform = {
  facts: () => Promise.reject(new Error("a simulated worker is told its capabilities")),
  load: () => Promise.resolve({ cpu_percent: 0, memory_used_gb: 0 }),
  freeDiskBytes: () => undefined,
  get processes(): never {
    throw new Error("a simulated worker has no processes");
  },
};

export interface WorkerWorld {
  world: World;
  options: Options;
  coverage: Coverage;
  auditor: Auditor;
  dial: (worker: SimWorker) => Promise<SimConnection>;
  died: (host: Host) => void;
}

/** How many times as long a straggler takes. */
export const STRAGGLING = 8;

/** A worker machine: a disk, and on it one process after the other, each a production `Worker`. */
export class SimWorker {
  readonly workerId: WorkerId;
  readonly shape: WorkerShape;
  readonly link: Link;
  host: Host;
  /** Attempts may make the process die. */
  fragile = true;
  diskFails = false;
  private readonly parts: WorkerWorld;
  private readonly disk: SimDisk;
  private process: { worker: Worker; outbox: Outbox; options: WorkerOptions } | undefined;
  private starts = 0;

  constructor(parts: WorkerWorld, shape: WorkerShape, link: Link) {
    this.parts = parts;
    this.shape = shape;
    this.link = link;
    this.workerId = asWorkerId(shape.name);
    this.disk = new SimDisk((leaseSeq) => parts.auditor.resultRemoved(this.workerId, leaseSeq));
    this.host = this.newHost();
    this.start();
  }

  get isUp(): boolean {
    return this.host.alive && this.process !== undefined;
  }

  get incarnation(): string {
    return `${this.shape.name}#${this.starts}`;
  }

  /** Nothing is left to do or to deliver. */
  get isDone(): boolean {
    const status = this.process?.worker.status;
    return status?.waiting === 0 && status.running === 0 && status.unacknowledged === 0;
  }

  get isDraining(): boolean {
    return this.process?.worker.status.draining === true;
  }

  get runs(): boolean {
    return (this.process?.worker.status.running ?? 0) > 0;
  }

  /** `tail`: the power fails, and with it goes some of what was written and not synced. */
  crash(disk: "kept" | "lost" | "tail"): void {
    const { process } = this;
    if (!process) return;
    const { connected } = process.worker.status;
    this.host.kill();
    this.process = undefined;
    this.parts.died(this.host);
    if (disk === "lost") this.disk.clear();
    if (disk === "tail") this.loseTail(connected);
    else this.parts.coverage.reached(disk === "lost" ? "worker crash, disk lost" : "worker crash, disk kept");
    if (this.disk.size > 0) this.parts.coverage.reached("outbox outlived a crash");
    this.parts.world.plan(RESTART_MS, () => this.restart());
  }

  /** S1: what waits for a coordinator that is away is safe, unless the disk said no. */
  private loseTail(connected: boolean): void {
    const { disk, parts } = this;
    const unsafe = disk.unsynced;
    demand(
      connected || disk.failed || unsafe === 0,
      "S1",
      () => `${this.workerId} is away with ${unsafe} unsynced writes`,
    );
    if (disk.loseTail((count) => parts.world.between(1, count))) parts.coverage.reached("unsynced results lost");
  }

  /** Starts a new process unless there is one. */
  restart(): void {
    if (this.isUp) return;
    this.host = this.newHost();
    this.start();
  }

  private newHost(): Host {
    return newHost(this.parts.world, this.parts);
  }

  /** Leaves as on a request to stop, and is started again later. */
  leave(deadlineMs: number): void {
    const { process } = this;
    if (!process) return;
    this.parts.coverage.reached("worker stopped gracefully");
    void process.worker.stop({ deadlineMs, reason: "stopped" });
  }

  /** What it measures about itself is different from now on; the coordinator hears of it in this session or the next. */
  changeCapabilities(capabilities: CapabilityDocument, tell: boolean): void {
    const { process } = this;
    if (!process) return;
    process.options.capabilities = capabilities;
    this.parts.coverage.reached("capabilities changed");
    if (!tell || process.worker.status.draining) return;
    const { slots, reserve } = this.shape;
    // The worker of today measures once; the protocol lets it tell at any time.
    const session = Reflect.get(process.worker, "session") as WorkerSession | undefined;
    session?.send({ type: "capabilities", capabilities, slots, credits: slots + reserve });
  }

  /** A worker that made another result of an attempt than it has sent. */
  rewriteResult(): void {
    const outbox = this.process?.outbox;
    const item = this.parts.world.pick(outbox?.all() ?? []);
    if (!item || !outbox) return;
    const seconds = item.result.execution_time_seconds + 1;
    outbox.add({ ...item, result: { ...item.result, execution_time_seconds: seconds } });
    outbox.commit();
  }

  /** A worker with a result under a lease that is another's, as when its disk was copied. */
  forgeResult(lease: LeaseBook): void {
    const outbox = this.process?.outbox;
    const { seq, attempt, task } = lease;
    const item = { lease_seq: seq, run_id: task.run.runId, attempt, spec: { task_id: task.id } } as AssignItem;
    const { lease_seq, run_id } = item;
    const nowMs = this.host.clock.nowMs();
    const result = this.result(item, { status: "completed" });
    outbox?.add({ lease_seq, run_id, attempt, started_at_ms: nowMs, finished_at_ms: nowMs, result });
    outbox?.commit();
  }

  /** A frame of an earlier session, or of this one, comes once more: what it tells may long be over. */
  repeatFrame(): void {
    const frame = this.parts.world.pick(this.link.sent);
    const session = this.process && (Reflect.get(this.process.worker, "session") as WorkerSession | undefined);
    if (!frame || !session) return;
    this.parts.coverage.reached("frame of an earlier session");
    session.send(frame);
  }

  /** A worker that does not know a lease any more that waited for a slot. */
  forgetLease(): void {
    if (!this.process) return;
    const slots = Reflect.get(this.process.worker, "slots") as Slots;
    const waiting = Reflect.get(slots, "waiting") as Map<number, AssignItem>;
    const leaseSeq = this.parts.world.pick([...waiting.keys()]);
    if (leaseSeq !== undefined) waiting.delete(leaseSeq);
  }

  /** What it should not be in for long: a lease waits beside a free slot; a result was not answered. */
  get stuck(): string | null {
    const status = this.process?.worker.status;
    if (!status || status.draining) return null;
    if (status.waiting > 0 && status.running < this.shape.slots) return "has a free slot for what waits";
    const [oldest] = this.process?.outbox.all() ?? [];
    return oldest ? `keeps the result of lease ${oldest.lease_seq}` : null;
  }

  private start(): void {
    this.starts += 1;
    const { world, options } = this.parts;
    const { host, shape } = this;
    const { clock } = host;
    const outbox = new Outbox(this.store(host), SILENT);
    const workerOptions: WorkerOptions = {
      workerId: this.workerId,
      incarnation: this.incarnation,
      name: shape.name,
      slots: shape.slots,
      reserve: shape.reserve,
      capabilities: shape.capabilities,
      dial: (): Promise<Connection> => this.parts.dial(this),
      outbox,
      runner: (live) => this.runner(host, live),
      platform,
      defer: host.defer,
      clock,
      rng: seededRng(world.rng.below(2 ** 31)),
      logger: SILENT,
    };
    const worker = new Worker(workerOptions);
    this.process = { worker, outbox, options: workerOptions };
    this.parts.auditor.workerStarted(this.workerId);
    void worker.run().then(() => {
      // The process has ended by itself: it was told to stop, or that another try is pointless.
      if (this.host !== host) return;
      host.kill();
      this.process = undefined;
      this.parts.died(host);
      world.plan(RESTART_MS + options.turnMs, () => this.restart());
    });
  }

  private store(host: Host): ConstructorParameters<typeof Outbox>[0] {
    const { disk } = this;
    const failing = (): void => {
      disk.failed = this.diskFails;
      if (!this.diskFails) return;
      this.parts.coverage.reached("disk write failed");
      throw new Error("the disk is full");
    };
    disk.syncs = false;
    return {
      load: () => disk.all(),
      write: (changes) => {
        if (!host.alive) return;
        failing();
        disk.write(changes);
      },
      outlast: (power) => {
        if (!host.alive) return;
        disk.syncs = power;
        failing();
        if (power) disk.sync();
      },
      close: () => undefined,
    };
  }

  private runner(host: Host, live: LiveFeed): AttemptRunner {
    return {
      run: (item, controller) => this.execute(item, controller, { host, live }),
      cancelled: (item, reason) =>
        this.result(item, { status: "cancelled", failure: { class: "cancelled", message: reason } }),
    };
  }

  private execute(
    item: AssignItem,
    controller: AbortController,
    { host, live }: { host: Host; live: LiveFeed },
  ): Promise<AttemptEnd> {
    const { world, auditor, options } = this.parts;
    auditor.attemptStarted(this.workerId, item.lease_seq);
    const { promise, resolve } = Promise.withResolvers<AttemptEnd>();
    const plan = planOf(item.spec.task_id, item.attempt);
    const straggles = world.chance(options.stragglers) ? STRAGGLING : 1;
    const durationMs = plan.ms * this.shape.slowness * straggles * (0.9 + 0.2 * world.rng.next());
    const limitMs = item.spec.timeout_seconds * 1000;
    const payload = options.progress && world.chance(0.3) ? `from ${item.lease_seq}` : null;
    const history = auditor.historyOf(this.workerId);
    const end = (report: Pick<ResultDocument, "status" | "failure">): void => {
      live.end(item.lease_seq);
      resolve({ result: this.result(item, report, history), payload });
    };
    const timer = host.after(Math.min(durationMs, limitMs), () => {
      if (plan.fate === "hangs") return;
      if (plan.fate === "kills" && this.fragile) return this.crash(world.chance(0.8) ? "kept" : "lost");
      if (durationMs >= limitMs)
        return end({ status: "timed_out", failure: { class: "timeout", message: "too long" } });
      end(plan.report);
    });
    if (payload !== null) live.progress(item.lease_seq, { fraction: 0.5, payload });
    controller.signal.addEventListener("abort", () => {
      timer.cancel();
      host.after(world.chance(0.1) ? 2_000 : 2, () => end(interrupted(controller.signal)));
    });
    return promise;
  }

  /** `history`: the one that the worker knew when the attempt began. */
  private result(
    item: AssignItem,
    report: Pick<ResultDocument, "status" | "failure">,
    history = this.parts.auditor.historyOf(this.workerId),
  ): ResultDocument {
    return {
      task_id: item.spec.task_id,
      worker_id: this.workerId,
      status: report.status,
      execution_time_seconds: this.parts.world.nowMs / 1000,
      hardware_metrics: {},
      results: history > 1 ? { history } : {},
      simulation_status: { is_simulated: false },
      ...(report.failure === undefined ? {} : { failure: report.failure }),
      recovery: [],
      metrics: [],
      artifacts: [],
    };
  }
}

function interrupted(signal: AbortSignal): Pick<ResultDocument, "status" | "failure"> {
  const { status, failure } = interruptedReport(abortReason(signal) ?? "cancelled");
  return failure === undefined ? { status } : { status, failure };
}
