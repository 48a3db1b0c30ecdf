import { AssayError, asRunId, asTaskId, errorMessage } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { JournalEvent, PlacedEvent } from "../contracts/index.ts";
import { REVIEW_INTERVAL_MS, assign, nextTimerMs, review, step } from "../scheduler/index.ts";
import type { Command, Reply, State } from "../scheduler/index.ts";

/** Most leases granted in one turn of the event loop, so that frames are read in between. */
const LEASES_PER_TURN = 2_048;
/** Batches on their way to the disk; while there are this many, the next one grows. */
const MAX_IN_FLIGHT = 2;
/** Timers are looked at this often even when none seems due: no lost wake-up lasts longer. */
const WATCHDOG_MS = 1_000;
/** A timer that comes so much later shows that the process stood still, or that its clock jumped. */
const STALL_MS = 500;

export type Answer = (reply: Reply) => void;
export type Defer = (action: () => void) => void;

/** Where a leader's events become durable. Rejects when the leadership is over. */
export interface BatchWriter {
  append(events: JournalEvent[], timeMs: number): Promise<void>;
}

export interface LeaderOptions {
  state: State;
  writer: BatchWriter;
  clock: Clock;
  /** Calls the action once the present turn of the event loop is over; `setImmediate` by default, a simulator's own otherwise. */
  defer?: Defer;
  /** Called for each committed batch, in order, after the replies that it carries. */
  onCommitted: (events: readonly PlacedEvent[]) => void;
  /** Called once when a batch could not be committed: the state is ahead of the journal and must be thrown away. */
  onLost: (reason: AssayError) => void;
}

interface Turn {
  atMs: number;
  events: PlacedEvent[];
  answers: { answer: Answer; reply: Reply }[];
}

/**
 * Runs the state machine over the journal: one batch per turn of the event loop, and nothing leaves before the batch that
 * caused it is committed.
 */
export class Leader {
  readonly state: State;
  private readonly options: LeaderOptions;
  private readonly defer: Defer;
  private readonly rejections = new Set<(reason: AssayError) => void>();
  private turn: Turn | undefined;
  private inFlight = 0;
  private tail: Promise<void> = Promise.resolve();
  /** The latest journal time that the wall clock gave, and when that was. */
  private latest: { atMs: number; monotonicMs: number };
  private failure: AssayError | undefined;
  private stopped = false;
  private timer: Timer | undefined;
  private reviewAtMs = 0;
  /** When the timer should come. */
  private timerAtMs = Number.POSITIVE_INFINITY;

  constructor(options: LeaderOptions) {
    this.options = options;
    this.defer = options.defer ?? setImmediate;
    this.state = options.state;
    this.latest = { atMs: options.state.nowMs, monotonicMs: options.clock.monotonicMs() };
    this.arm();
  }

  get alive(): boolean {
    return this.failure === undefined && !this.stopped;
  }

  /** The current lease of an attempt, undefined when it does not run. */
  leaseOf({ runId, taskId, attempt }: { runId: string; taskId: string; attempt: number }): number | undefined {
    const task = this.state.runs.get(asRunId(runId))?.tasks.get(asTaskId(taskId));
    return task?.leases.find((lease) => lease.attempt === attempt)?.leaseSeq;
  }

  /** Decides a command now; `answer` is called once its batch and all before it are committed. Throws when the leadership is over. */
  execute(command: Command, answer?: Answer): void {
    if (this.failure) throw this.failure;
    const turn = this.openTurn();
    const { events, reply } = step(this.state, command, turn.atMs);
    for (const event of events) turn.events.push(event);
    if (answer) turn.answers.push({ answer, reply });
  }

  /** The same for a single asker: resolves with the reply; a refusal and the loss of leadership reject. */
  ask(command: Command): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.rejections.add(reject);
      try {
        this.execute(command, (reply) => {
          this.rejections.delete(reject);
          if (reply.type === "refused") reject(assayError(reply.fault.code, reply.fault.message, reply.fault));
          else resolve(reply);
        });
      } catch (error) {
        this.rejections.delete(reject);
        reject(error);
      }
    });
  }

  /** Stops timers and assignments; what was executed before is still committed and answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    while ((this.turn || this.inFlight > 0) && !this.failure) {
      await new Promise<void>((resolve) => this.defer(resolve));
    }
  }

  /**
   * Journal time. It never falls, and goes on while the wall clock stands behind it, as after a jump ahead that was taken back:
   * what is due then does not wait until the wall clock is there again.
   */
  private nowMs(): number {
    const { clock } = this.options;
    const monotonicMs = clock.monotonicMs();
    const wallMs = clock.nowMs();
    const goneOnMs = this.latest.atMs + Math.floor(monotonicMs - this.latest.monotonicMs);
    if (wallMs < goneOnMs) return goneOnMs;
    this.latest = { atMs: wallMs, monotonicMs };
    return wallMs;
  }

  private openTurn(): Turn {
    if (!this.turn) {
      this.turn = { atMs: this.nowMs(), events: [], answers: [] };
      this.defer(() => this.flush());
    }
    return this.turn;
  }

  private flush(): void {
    const turn = this.turn;
    if (!turn || this.failure || this.inFlight >= MAX_IN_FLIGHT) return;
    this.turn = undefined;
    if (!this.stopped) {
      const policy = this.reviewDue(turn.atMs) ? review : assign;
      for (const event of policy(this.state, turn.atMs, LEASES_PER_TURN)) turn.events.push(event);
    }
    if (turn.events.length > 0) {
      this.inFlight += 1;
      this.tail = this.options.writer.append(
        turn.events.map(({ event }) => event),
        turn.atMs,
      );
    }
    // Without events of its own the turn still waits for those before it: its replies may tell of them.
    this.tail.then(
      () => this.committed(turn),
      (error: unknown) => this.lose(error),
    );
  }

  /** Whether it is time to look at what only time shows; then the next time is set. */
  private reviewDue(nowMs: number): boolean {
    if (nowMs < this.reviewAtMs) return false;
    this.reviewAtMs = nowMs + REVIEW_INTERVAL_MS;
    return true;
  }

  private committed(turn: Turn): void {
    if (turn.events.length > 0) this.inFlight -= 1;
    if (this.failure) return;
    this.deliver(turn);
    if (turn.events.length >= LEASES_PER_TURN) this.openTurn();
    this.arm();
    if (this.turn) this.flush();
  }

  private deliver(turn: Turn): void {
    for (const { answer, reply } of turn.answers) answer(reply);
    if (turn.events.length > 0) this.options.onCommitted(turn.events);
  }

  private lose(error: unknown): void {
    if (this.failure) return;
    const reason =
      error instanceof AssayError ? error : assayError("journal_unavailable", errorMessage(error), { cause: error });
    this.failure = reason;
    this.timer?.cancel();
    this.turn = undefined;
    for (const reject of this.rejections) reject(reason);
    this.rejections.clear();
    this.options.onLost(reason);
  }

  private arm(): void {
    if (!this.alive) return;
    this.timer?.cancel();
    this.noteStall();
    const timerMs = nextTimerMs(this.state) ?? Number.POSITIVE_INFINITY;
    const dueMs = this.hasWork ? Math.min(timerMs, this.reviewAtMs) : timerMs;
    const waitMs = Math.min(Math.max(dueMs - this.nowMs(), 0), WATCHDOG_MS);
    this.timerAtMs = this.nowMs() + waitMs;
    this.timer = this.options.clock.setTimer(waitMs, () => this.tick());
  }

  /**
   * While this process stood still it saw no worker and read no result: what was due then is due so much later. Otherwise it would
   * judge by its own absence, before it has read what was sent to it (the local health of Lifeguard: Dadgar, Phillips, Currey 2017).
   */
  private noteStall(): void {
    const stalledMs = Math.round(this.nowMs() - this.timerAtMs);
    this.timerAtMs = Number.POSITIVE_INFINITY;
    if (stalledMs >= STALL_MS) this.execute({ type: "leader_stalled", stalledMs });
  }

  private get hasWork(): boolean {
    return this.state.leases.size > 0 || this.state.tree.waiting > 0;
  }

  private tick(): void {
    if (!this.alive) return;
    this.noteStall();
    if (this.hasWork && this.reviewAtMs <= this.nowMs()) this.openTurn();
    const dueMs = nextTimerMs(this.state);
    if (dueMs !== null && dueMs <= this.nowMs()) {
      const { atMs } = this.openTurn();
      for (let count = 0; count < LEASES_PER_TURN && (nextTimerMs(this.state) ?? Infinity) <= atMs; count += 1) {
        this.execute({ type: "tick" });
      }
    }
    this.arm();
  }
}
