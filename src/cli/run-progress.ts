import type { FeedEvent } from "../contracts/index.ts";
import { isPassed } from "./outcome-words.ts";

/** An attempt that a worker has now. A hedged task has two. */
export interface ActiveAttempt {
  taskId: string;
  attempt: number;
  workerId: string;
  hardware: string | null;
  started: boolean;
  sinceMs: number;
  /** Why it was asked back. */
  recalled: string | null;
}

/** How far a run is, counted from its events. Times are milliseconds of any one clock. */
export class RunProgress {
  readonly total: number;
  readonly startedAtMs: number;
  completed = 0;
  failed = 0;
  errors = 0;
  /** Cancelled and skipped. */
  left = 0;
  finished = false;
  /** Tests of suites that were told, and those of them that did not pass. */
  tests = 0;
  testsNotPassed = 0;
  private readonly attempts = new Map<string, ActiveAttempt>();
  /** A task that is cancelled while it runs is told of twice. */
  private readonly ended = new Set<string>();

  constructor(total: number, startedAtMs: number) {
    this.total = total;
    this.startedAtMs = startedAtMs;
  }

  get done(): number {
    return this.completed + this.failed + this.errors + this.left;
  }

  get active(): readonly ActiveAttempt[] {
    return [...this.attempts.values()];
  }

  /** Why an attempt was asked back; null when it was not. */
  recallOf({ task_id: taskId, attempt }: FeedEvent): string | null {
    return this.attempts.get(keyOf(taskId, attempt))?.recalled ?? null;
  }

  /** Milliseconds to the end when it goes on as until now; unknown before the first task is done. */
  remainingMs(nowMs: number): number | undefined {
    if (this.done === 0) return undefined;
    return ((nowMs - this.startedAtMs) * (this.total - this.done)) / this.done;
  }

  apply(event: FeedEvent, nowMs: number): void {
    if (event.type === "run_finished") this.finished = true;
    const { task_id: taskId } = event;
    if (taskId === undefined) return;
    this.follow(event, nowMs);
    if (!this.ended.has(taskId) && this.count(event)) {
      this.ended.add(taskId);
      this.countTests(event);
    }
  }

  private countTests({ tests = [] }: FeedEvent): void {
    this.tests += tests.length;
    this.testsNotPassed += tests.filter((one) => one.muted !== true && !isPassed(one)).length;
  }

  private follow(event: FeedEvent, nowMs: number): void {
    const { type, task_id: taskId = "", attempt = 0, worker_id: workerId = "", hardware = null } = event;
    const key = keyOf(taskId, attempt);
    const known = this.attempts.get(key);
    if (type === "attempt_leased") {
      const waiting = { started: false, sinceMs: nowMs, recalled: null };
      this.attempts.set(key, { taskId, attempt, workerId, hardware, ...waiting });
    } else if (type === "attempt_started") {
      if (known !== undefined) this.attempts.set(key, { ...known, started: true, sinceMs: nowMs });
    } else if (type === "attempt_revoked") {
      if (known !== undefined) this.attempts.set(key, { ...known, recalled: event.message ?? "" });
    } else if (type === "attempt_finished") {
      this.attempts.delete(key);
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

function keyOf(taskId: string | undefined, attempt: number | undefined): string {
  return `${taskId} ${attempt}`;
}
