import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { assert, ok, seededRng, systemClock } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import { taskSpec } from "../contracts/index.ts";
import type { AckVerdict, AssignItem, FinishedItem, TaskSpecInput, WorkerFrameOf } from "../contracts/index.ts";
import type { ExecutionContext, ExecutionReport, Executor } from "../executors/index.ts";
import { abortReason, interruptedReport } from "../executors/index.ts";
import { createPlatform } from "../platform/index.ts";
import type { Platform } from "../platform/index.ts";
import { CoordinatorSession, LoopbackListener } from "../transport/index.ts";
import type { Connection, WorkerMessage } from "../transport/index.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { StartWorkerOptions, WorkerHandle } from "./start-worker.ts";
import { startWorker } from "./start-worker.ts";
import type { WorkerLogger } from "./worker-logger.ts";

// What the tests of workers share: a coordinator that does as it is told, over real sessions; executors that wait to be let go; and
// a bench that starts workers on temporary folders and ends them all.

/** One session of a worker, with all that it sent. */
interface Seat {
  session: CoordinatorSession;
  connection: Connection;
  hello: WorkerFrameOf<"hello"> | undefined;
  frames: WorkerMessage[];
  ended: boolean;
}

export class ScriptedCoordinator {
  readonly seats: Seat[] = [];
  /** Whether a hello is answered by itself. */
  welcomes = true;
  /** What results are answered with by themselves; null for not at all. */
  verdict: AckVerdict | null = "accepted";
  heartbeatIntervalMs = 60_000;
  epoch = 1;
  private readonly listener = new LoopbackListener({
    authenticate: () => Promise.resolve(ok("worker")),
    onConnection: (connection) => this.accept(connection),
  });

  readonly dial = (): Promise<Connection> => this.listener.dial({ token: null, subprotocols: ["assay.v1+msgpack"] });

  accept(connection: Connection): void {
    const session = new CoordinatorSession({
      connection,
      clock: systemClock,
      workerTimeoutMs: 60_000,
      handlers: {
        onHello: (_session, hello) => {
          seat.hello = hello;
          if (this.welcomes) this.welcome();
        },
        onFrame: (_session, frame) => this.receive(seat, frame),
        onDrain: () => undefined,
        onClosed: () => {
          seat.ended = true;
        },
      },
    });
    const seat: Seat = { session, connection, hello: undefined, frames: [], ended: false };
    this.seats.push(seat);
  }

  /** The newest session. */
  get seat(): Seat {
    const seat = this.seats.at(-1);
    assert(seat, "no worker has connected");
    return seat;
  }

  welcome(): void {
    const { seat, epoch, heartbeatIntervalMs } = this;
    seat.session.welcome({ sessionId: `s-${this.seats.length}`, epoch, heartbeatIntervalMs, workerTimeoutMs: 60_000 });
  }

  assign(...items: AssignItem[]): void {
    this.seat.session.send({ type: "assign", items });
  }

  cancel(leaseSeq: number): void {
    this.seat.session.send({ type: "cancel", items: [{ lease_seq: leaseSeq, reason: "not wanted" }] });
  }

  ack(leaseSeq: number, verdict: AckVerdict = "accepted"): void {
    this.seat.session.send({ type: "ack", items: [{ lease_seq: leaseSeq, verdict }] });
  }

  /** Loses the connection, as a network does. */
  drop(): void {
    this.seat.connection.terminate();
  }

  /** All frames of a type, over all sessions, in order. */
  all<Type extends WorkerMessage["type"]>(type: Type): Extract<WorkerMessage, { type: Type }>[] {
    return this.seats
      .flatMap(({ frames }) => frames)
      .filter((frame): frame is Extract<WorkerMessage, { type: Type }> => frame.type === type);
  }

  get finished(): FinishedItem[] {
    return this.all("finished").flatMap(({ items }) => items);
  }

  get released(): number[] {
    return this.all("released").flatMap(({ items }) => items.map(({ lease_seq }) => lease_seq));
  }

  /** Resolves when a worker was welcomed for the `count`th time. */
  async connected(count = 1): Promise<void> {
    await until(() => {
      expect(this.seats.length).toBeGreaterThanOrEqual(count);
      expect(this.seat.session.state).toBe("open");
    });
  }

  close(): void {
    this.listener.close();
  }

  private receive(seat: Seat, frame: WorkerMessage): void {
    seat.frames.push(frame);
    if (frame.type === "finished" && this.verdict !== null) {
      const { verdict } = this;
      seat.session.send({ type: "ack", items: frame.items.map(({ lease_seq }) => ({ lease_seq, verdict })) });
    }
    if (frame.type === "goodbye") seat.session.close("normal", "goodbye");
  }
}

/** Waits until the expectations hold. */
export const until = (expectations: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(expectations, { timeout: 15_000, interval: 5 });

/** A lease on a task of type `browser`, or of another. */
export function lease(leaseSeq: number, task: Partial<TaskSpecInput> = {}): AssignItem {
  const spec = taskSpec.parse({ type: "browser", task_id: `task-${leaseSeq}`, ...task });
  return { lease_seq: leaseSeq, run_id: "run-1", attempt: 1, spec };
}

/** Answers `browser` tasks: each waits until it is let go, or told to stop. */
export class PuppetExecutor implements Executor {
  readonly types = ["browser"] as const;
  /** Ids of tasks in the order in which they began, once per beginning. */
  readonly begun: string[] = [];
  readonly contexts = new Map<string, ExecutionContext>();
  mostAtOnce = 0;
  private running = 0;
  private readonly gates = new Map<string, PromiseWithResolvers<ExecutionReport>>();

  async execute(spec: { task_id: string }, context: ExecutionContext): Promise<ExecutionReport> {
    this.begun.push(spec.task_id);
    this.contexts.set(spec.task_id, context);
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    const gate = this.gate(spec.task_id);
    const stop = (): void => gate.resolve(interruptedReport(abortReason(context.signal) ?? "cancelled"));
    context.signal.addEventListener("abort", stop, { once: true });
    try {
      return await gate.promise;
    } finally {
      this.running -= 1;
    }
  }

  /** Lets a task end, now or as soon as it begins. */
  finish(taskId: string, report: ExecutionReport = { status: "completed" }): void {
    this.gate(taskId).resolve(report);
  }

  fail(taskId: string, error: Error): void {
    this.gate(taskId).reject(error);
  }

  private gate(taskId: string): PromiseWithResolvers<ExecutionReport> {
    const known = this.gates.get(taskId);
    if (known !== undefined) return known;
    const made = Promise.withResolvers<ExecutionReport>();
    this.gates.set(taskId, made);
    return made;
  }
}

/** Keeps artifacts in memory. */
export class MemoryArtifactStore implements ArtifactStore {
  readonly stored: number[] = [];

  put(source: { path: string } | { bytes: Uint8Array }): Promise<{ sha256: string; sizeBytes: number }> {
    const sizeBytes = "bytes" in source ? source.bytes.length : 0;
    this.stored.push(sizeBytes);
    return Promise.resolve({ sha256: "0".repeat(64), sizeBytes });
  }

  get(): Promise<void> {
    return Promise.reject(new Error("this store gives nothing back"));
  }

  getMany(): Promise<void> {
    return this.get();
  }
}

/** Writes messages down. */
export class MemoryLogger implements WorkerLogger {
  readonly lines: string[] = [];
  debug = (_fields: object, message: string): void => void this.lines.push(message);
  info = this.debug;
  warn = this.debug;
  error = this.debug;
}

/** Measured once: what the machine is does not change between tests. */
export function measuredOnce(platform: Platform): Platform {
  let facts: ReturnType<Platform["facts"]> | undefined;
  return {
    facts: () => (facts ??= platform.facts()),
    load: () => platform.load(),
    freeDiskBytes: () => platform.freeDiskBytes(),
    processes: platform.processes,
  };
}

/** Starts workers on temporary folders; `close` stops them and removes everything. */
export class WorkerBench {
  static readonly platform = measuredOnce(createPlatform({ diskPath: tmpdir(), env: process.env }));
  readonly coordinator = new ScriptedCoordinator();
  readonly puppet = new PuppetExecutor();
  readonly logger = new MemoryLogger();
  readonly artifacts = new MemoryArtifactStore();
  readonly folder: string;
  private readonly workers: WorkerHandle[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<WorkerBench> {
    return new WorkerBench(await mkdtemp(join(tmpdir(), "assay-worker-")));
  }

  async start(changes: Partial<StartWorkerOptions> = {}): Promise<WorkerHandle> {
    const worker = await startWorker({
      dial: this.coordinator.dial,
      artifactStore: this.artifacts,
      dataDir: join(this.folder, "data"),
      name: "bench-1",
      slots: 2,
      executors: [this.puppet],
      platform: WorkerBench.platform,
      env: process.env,
      clock: quickClock,
      rng: seededRng(1),
      logger: this.logger,
      ...changes,
    });
    this.workers.push(worker);
    return worker;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop({ deadlineMs: 0 })));
    this.coordinator.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The system's clock with waits of seconds cut short, so that tests do not wait for back-off. */
const quickClock: Clock = {
  ...systemClock,
  setTimer: (delayMs, action) => systemClock.setTimer(delayMs < 30_000 ? delayMs / 20 : delayMs, action),
};
