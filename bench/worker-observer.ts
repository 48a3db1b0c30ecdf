import type { CoordinatorMessage } from "../src/transport/index.ts";
import { monotonicMs } from "./monotonic-ms.ts";

/** When a task's assignment reached a worker. */
export interface Arrival {
  runId: string;
  /** By the clock that is the same in all processes, and by the wall's. */
  atMs: number;
  wallMs: number;
  /** When the acknowledgement of its result came; 0 before. */
  ackedMs: number;
}

/** What the processes of load workers tell their parent: counts whenever they change, the rest when asked. */
export type FromLoadWorkers =
  | { type: "progress"; acked: number; closed: number }
  | { type: "report"; heartbeats: number; lateHeartbeats: number; slowestAckMs: number; arrivals: Arrival[] };

const PROGRESS_MS = 100;

/** Watches the sessions of one process of load workers, and tells the parent. */
export class WorkerObserver {
  private readonly intervals = new Map<string, { lastMs: number; sentMs: number[] }>();
  private arrivals = new Map<number, Arrival>();
  private readonly keepArrivals: boolean;
  private acked = 0;
  private closed = 0;
  private told = "";
  private heartbeats = 0;
  private lateHeartbeats = 0;
  private slowestAckMs = 0;
  private intervalMs = Number.POSITIVE_INFINITY;

  constructor({ keepArrivals }: { keepArrivals: boolean }) {
    this.keepArrivals = keepArrivals;
    process.on("message", (message) => message === "report" && this.report());
  }

  /** Begins to tell how far it is; the parent listens from now on. */
  begin(): void {
    setInterval(() => this.tellProgress(), PROGRESS_MS);
  }

  frame(worker: string, frame: CoordinatorMessage): void {
    if (frame.type === "heartbeat_ack") this.answered(worker);
    if (frame.type === "ack") this.acked += frame.items.length;
    if (!this.keepArrivals) return;
    if (frame.type === "ack") {
      const atMs = monotonicMs();
      for (const item of frame.items) {
        const arrival = this.arrivals.get(item.lease_seq);
        if (arrival) arrival.ackedMs = atMs;
      }
    }
    if (frame.type !== "assign") return;
    const atMs = monotonicMs();
    const wallMs = Date.now();
    for (const item of frame.items) this.arrivals.set(item.lease_seq, { runId: item.run_id, atMs, wallMs, ackedMs: 0 });
  }

  sessionClosed(): void {
    this.closed += 1;
  }

  /** The session begins: its first heartbeat is due one interval from now. */
  sessionOpened(worker: string, intervalMs: number): void {
    this.intervalMs = intervalMs;
    this.intervals.set(worker, { lastMs: monotonicMs(), sentMs: [] });
  }

  /** A heartbeat that goes out a whole interval after it was due counts as late, whoever kept the worker from it. */
  heartbeatSent(worker: string): void {
    const session = this.intervals.get(worker);
    if (!session) return;
    const nowMs = monotonicMs();
    if (nowMs - session.lastMs > 2 * this.intervalMs) this.lateHeartbeats += 1;
    session.lastMs = nowMs;
    session.sentMs.push(nowMs);
    this.heartbeats += 1;
  }

  private answered(worker: string): void {
    const sentMs = this.intervals.get(worker)?.sentMs.shift();
    if (sentMs === undefined) return;
    const ackMs = monotonicMs() - sentMs;
    this.slowestAckMs = Math.max(this.slowestAckMs, ackMs);
    if (ackMs > this.intervalMs) this.lateHeartbeats += 1;
  }

  /** Answers that are overdue now count as late too. What was reported is forgotten. */
  private report(): void {
    const dueMs = monotonicMs() - this.intervalMs;
    let overdue = 0;
    for (const { sentMs } of this.intervals.values()) overdue += sentMs.filter((sent) => sent < dueMs).length;
    const report: FromLoadWorkers = {
      type: "report",
      heartbeats: this.heartbeats,
      lateHeartbeats: this.lateHeartbeats + overdue,
      slowestAckMs: this.slowestAckMs,
      arrivals: [...this.arrivals.values()],
    };
    this.arrivals = new Map();
    process.send?.(report);
  }

  private tellProgress(): void {
    const { acked, closed } = this;
    const text = `${acked} ${closed}`;
    if (text === this.told) return;
    this.told = text;
    const progress: FromLoadWorkers = { type: "progress", acked, closed };
    process.send?.(progress);
  }
}
