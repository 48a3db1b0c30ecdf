import type { FeedEvent } from "../contracts/index.ts";

/** A task that a worker has now. */
export interface ActiveTask {
  taskId: string;
  workerId: string;
  hardware: string | null;
  started: boolean;
  sinceMs: number;
}

/** How far a run is, counted from its events. Times are milliseconds of any one clock. */
export class RunProgress {
  readonly total: number;
  readonly startedAtMs: number;
  readonly active = new Map<string, ActiveTask>();
  completed = 0;
  failed = 0;
  errors = 0;
  /** Cancelled and skipped. */
  left = 0;
  finished = false;
  /** A task that is cancelled while it runs is told of twice. */
  private readonly ended = new Set<string>();

  constructor(total: number, startedAtMs: number) {
    this.total = total;
    this.startedAtMs = startedAtMs;
  }

  get done(): number {
    return this.completed + this.failed + this.errors + this.left;
  }

  /** Milliseconds to the end when it goes on as until now; unknown before the first task is done. */
  remainingMs(nowMs: number): number | undefined {
    if (this.done === 0) return undefined;
    return ((nowMs - this.startedAtMs) * (this.total - this.done)) / this.done;
  }

  apply(event: FeedEvent, nowMs: number): void {
    if (event.type === "run_finished") this.finished = true;
    const taskId = event.task_id;
    if (taskId === undefined) return;
    if (event.state === "leased") {
      const { worker_id: workerId = "", hardware = null } = event;
      this.active.set(taskId, { taskId, workerId, hardware, started: false, sinceMs: nowMs });
    } else if (event.state === "running") {
      const task = this.active.get(taskId);
      if (task !== undefined) this.active.set(taskId, { ...task, started: true, sinceMs: nowMs });
    } else {
      this.active.delete(taskId);
      if (!this.ended.has(taskId) && this.count(event)) this.ended.add(taskId);
    }
  }

  /** False when the task is not at its end. */
  private count({ state, type, failure_class: failureClass }: FeedEvent): boolean {
    if (state === "completed") this.completed += 1;
    else if (state === "failed" && failureClass === "assertion") this.failed += 1;
    else if (state === "failed") this.errors += 1;
    else if (state === "cancelled" || state === "skipped" || type === "task_cancelled") this.left += 1;
    else return false;
    return true;
  }
}
