import { assertNever } from "../base/index.ts";
import type { Clock, Rng, WorkerId } from "../base/index.ts";
import type { CapabilityDocument, CoordinatorFrameOf, Fault } from "../contracts/index.ts";
import type { MachineLoad, Platform } from "../platform/index.ts";
import { keepConnected, WorkerSession } from "../transport/index.ts";
import type { Connection, CoordinatorMessage, HelloInput, SessionEnd } from "../transport/index.ts";
import type { ArtifactSpool } from "./artifact-spool.ts";
import { forgetfulMemory } from "./command-memory.ts";
import type { CommandMemory } from "./command-memory.ts";
import { Condition } from "./condition.ts";
import { DiskWatch } from "./disk-watch.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LiveFeed } from "./live-feed.ts";
import type { Outbox } from "./outbox.ts";
import { Outgoing } from "./outgoing.ts";
import type { AttemptRunner } from "./slots.ts";
import { Slots } from "./slots.ts";
import type { Supervision } from "./supervision.ts";
import { DELIVERY_WAIT_MS, WorkerCommands } from "./worker-commands.ts";
import type { CommandTarget, Ending } from "./worker-commands.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/** How long attempts that were told to stop may take before the worker leaves without them. */
const ABORT_WAIT_MS = 20_000;
/** How long a stopping worker waits for the coordinator's goodbye. */
const GOODBYE_WAIT_MS = 2_000;

export interface WorkerOptions {
  workerId: WorkerId;
  incarnation: string;
  name: string;
  slots: number;
  /** Leases beyond the slots that the worker takes, so that a freed slot never waits for the network. */
  reserve: number;
  capabilities: CapabilityDocument;
  dial: (signal: AbortSignal) => Promise<Connection>;
  outbox: Outbox;
  /** Artifacts that wait for the coordinator; without it they are always delivered. */
  spool?: ArtifactSpool;
  /** What was done of commands before; without it a worker remembers only its own. */
  memory?: CommandMemory;
  /** What starts the process anew; absent when nothing does. */
  supervision?: Supervision | undefined;
  /** Makes the runner of attempts, given the live view that it feeds. */
  runner: (live: LiveFeed) => AttemptRunner;
  platform: Platform;
  defer: (action: () => void) => void;
  clock: Clock;
  rng: Rng;
  logger: WorkerLogger;
}

/** What a worker is doing right now. */
export interface WorkerStatus {
  connected: boolean;
  /** Takes no more leases. */
  draining: boolean;
  waiting: number;
  running: number;
  /** Results without an answer yet. */
  unacknowledged: number;
}

/** A worker between its start and its end: sessions one after the other, and what they are about. */
export class Worker {
  /** Resolves when draining and all that was taken is finished and acknowledged. */
  readonly drained: Promise<void>;
  private readonly options: WorkerOptions;
  private readonly slots: Slots;
  private readonly outgoing: Outgoing;
  private readonly live: LiveFeed;
  private readonly commands: WorkerCommands;
  private readonly disk: DiskWatch;
  private readonly changes = new Condition();
  private readonly disconnect = new AbortController();
  private session: WorkerSession | undefined;
  private heartbeat: Heartbeat | undefined;
  private highestEpoch = 0;
  private receivedSeq = 0;
  private draining = false;
  private ending: Ending | null = null;
  private note: string | null;

  constructor(options: WorkerOptions) {
    const { clock, outbox, defer, logger, slots } = options;
    this.options = options;
    this.live = new LiveFeed(clock, () => (this.session?.writable === true ? this.session : undefined));
    const { spool: artifacts, supervision = null, memory = forgetfulMemory() } = options;
    this.note = supervision?.note ?? null;
    this.commands = new WorkerCommands({ memory, supervision, target: this.commandTarget(), logger });
    this.disk = new DiskWatch({
      freeBytes: () => options.platform.freeDiskBytes(),
      unstored: () => outbox.unstored,
      retry: () => this.outgoing.flush(),
      onChange: (trouble) => this.diskChanged(trouble),
      clock,
    });
    const onFlushed = (): void => {
      this.disk.look();
      this.changes.changed();
    };
    this.outgoing = new Outgoing({ outbox, session: () => this.session, defer, onFlushed, artifacts, clock, logger });
    if (artifacts) artifacts.onChange = () => this.outgoing.artifactsChanged();
    this.slots = new Slots({ slots, clock, events: this.outgoing, runner: options.runner(this.live) });
    this.drained = this.changes.until(() => this.draining && this.idle && outbox.size === 0);
  }

  /** How the worker was told to end by a command; null while it was not. */
  get endsBy(): Ending | null {
    return this.ending;
  }

  get status(): WorkerStatus {
    return {
      connected: this.session !== undefined,
      draining: this.draining,
      waiting: this.slots.waitingCount,
      running: this.slots.runningCount,
      unacknowledged: this.options.outbox.size,
    };
  }

  /** Works until it is stopped (null) or another attempt to connect is pointless (why). */
  async run(): Promise<Fault | null> {
    const { dial, clock, rng, logger, outbox } = this.options;
    // What an earlier process left may wait for long, too.
    outbox.outlast(true);
    const connect = (): Promise<Fault | null> =>
      keepConnected({
        dial,
        onSession: (connection) => this.openSession(connection),
        onRetry: ({ cause, delayMs }) =>
          logger.warn({ code: cause.code, delay_ms: delayMs }, `not connected: ${cause.message}`),
        clock,
        rng,
        signal: this.disconnect.signal,
      });
    let fault = await connect();
    while (fault?.code === "journal_put_back") {
      logger.error({ code: fault.code }, `forgetting all leases and results: ${fault.message}`);
      await this.forget();
      fault = await connect();
    }
    if (fault !== null) {
      logger.error({ code: fault.code }, `the coordinator refuses this worker: ${fault.message}`);
      this.slots.close(fault.message);
      await this.endAttempts(0);
    }
    this.live.stop();
    this.disk.stop();
    this.options.spool?.stop();
    return fault;
  }

  /**
   * Takes no more leases and hands back those that wait. `announce` tells the coordinator, by offering no kind of task any more;
   * not needed when it was the coordinator's idea.
   */
  drain(reason: string, { announce }: { announce: boolean }): void {
    if (this.draining) return;
    this.draining = true;
    this.options.logger.info({ reason }, "draining: finishing what runs, taking no more");
    if (announce) this.announce();
    this.slots.close(reason);
    this.outgoing.flush();
  }

  /** Drains, gives up what still runs at the deadline, delivers what is finished, says goodbye. */
  async stop({ deadlineMs, reason }: { deadlineMs: number; reason: string }): Promise<void> {
    this.drain(reason, { announce: true });
    await this.endAttempts(deadlineMs);
    await this.delivered({ atMostMs: DELIVERY_WAIT_MS });
    await this.sayGoodbye(reason);
    this.disconnect.abort();
  }

  /** Resolves when all results are acknowledged; with `atMostMs`, not later than that or than the end of the session. */
  private delivered({ atMostMs }: { atMostMs: number | null }): Promise<void> {
    this.outgoing.flush();
    const { outbox } = this.options;
    if (atMostMs === null) return this.changes.until(() => outbox.size === 0);
    return this.within(atMostMs, () => this.session === undefined || outbox.size === 0);
  }

  private async sayGoodbye(reason: string): Promise<void> {
    this.session?.send({ type: "goodbye", reason: reason.slice(0, 500) });
    await this.within(GOODBYE_WAIT_MS, () => this.session === undefined);
  }

  private commandTarget(): CommandTarget {
    return {
      drain: (reason, how) => this.drain(reason, how),
      endAttempts: (deadlineMs) => this.endAttempts(deadlineMs),
      delivered: (options) => this.delivered(options),
      answer: (item) => this.session?.send({ type: "answer", items: [item] }),
      leave: async (ending, reason) => {
        this.ending = ending;
        // Who is started anew is only away for a moment.
        if (ending === "stop") await this.sayGoodbye(reason);
        this.disconnect.abort();
      },
    };
  }

  /** What it knows is of a journal that is no more. */
  private async forget(): Promise<void> {
    this.slots.drop();
    await this.endAttempts(0);
    this.slots.forgetEnded();
    this.outgoing.forget();
    this.highestEpoch = 0;
  }

  /** Tells what the worker offers now. */
  private announce(): void {
    const { capabilities, slots, credits, note } = this.hello();
    this.session?.send({ type: "capabilities", capabilities, slots, credits, ...(note === undefined ? {} : { note }) });
  }

  /** Without room for results no work is taken; what runs goes on, and its results wait in memory. */
  private diskChanged(trouble: string | null): void {
    const { logger } = this.options;
    if (trouble === null) {
      logger.info({}, "the disk of the data folder has room again: taking work");
      this.slots.resume();
    } else {
      logger.error({ reason: trouble }, "taking no work until the disk of the data folder has room");
      this.slots.hold(trouble.slice(0, 500));
      this.outgoing.flush();
    }
    this.announce();
  }

  private get idle(): boolean {
    return this.slots.runningCount === 0 && this.slots.waitingCount === 0;
  }

  /** Resolves when nothing runs or waits; gives how many attempts were given up at the deadline, if there is one. */
  private async endAttempts(deadlineMs: number | null): Promise<number> {
    if (deadlineMs === null) await this.changes.until(() => this.idle);
    else await this.within(deadlineMs, () => this.idle);
    const { runningCount } = this.slots;
    if (this.idle) return 0;
    this.slots.abort();
    await this.within(ABORT_WAIT_MS, () => this.idle);
    if (!this.idle)
      this.options.logger.error({ running: this.slots.runningCount }, "attempts do not end; leaving without them");
    return runningCount;
  }

  /** Waits for a state, but not longer than `ms`. */
  private async within(ms: number, holds: () => boolean): Promise<void> {
    let late = ms <= 0;
    const timer = this.options.clock.setTimer(ms, () => {
      late = true;
      this.changes.changed();
    });
    await this.changes.until(() => late || holds());
    timer.cancel();
  }

  private openSession(connection: Connection): WorkerSession {
    return new WorkerSession({
      connection,
      clock: this.options.clock,
      hello: this.hello(),
      highestEpoch: this.highestEpoch,
      handlers: {
        onWelcome: (session, welcome) => this.opened(session, welcome),
        onFrame: (_session, frame) => this.receive(frame),
        onDrain: () => undefined,
        onClosed: (session, end) => this.closed(session, end),
      },
    });
  }

  private hello(): HelloInput {
    const { workerId, incarnation, name, slots, reserve, capabilities } = this.options;
    const note = this.disk.trouble ?? this.note;
    return {
      worker_id: workerId,
      name,
      incarnation,
      // Nobody sends work of any kind to a worker that offers none.
      capabilities: this.draining || this.disk.trouble !== null ? { ...capabilities, task_types: [] } : capabilities,
      slots,
      credits: slots + reserve,
      held: [...this.slots.held(), ...this.outgoing.held()],
      ...(note === null ? {} : { note: note.slice(0, 500) }),
    };
  }

  private opened(session: WorkerSession, welcome: CoordinatorFrameOf<"welcome">): void {
    const { platform, clock, logger } = this.options;
    this.session = session;
    this.highestEpoch = welcome.epoch;
    this.receivedSeq = 0;
    this.slots.forgetEnded();
    logger.info({ coordinator: session.remote, epoch: welcome.epoch }, "connected");
    // Said once.
    this.note = null;
    this.options.outbox.outlast(false);
    this.options.spool?.connected();
    this.options.supervision?.healthy();
    this.outgoing.resume();
    const beat = (load: MachineLoad): void => this.beat(load);
    this.heartbeat = new Heartbeat({ intervalMs: welcome.heartbeat_interval_ms, platform, clock, logger, beat });
    this.changes.changed();
  }

  private closed(session: WorkerSession, end: SessionEnd): void {
    // A session that was never welcomed is not the current one.
    if (this.session !== session) return;
    this.session = undefined;
    this.heartbeat?.stop();
    this.options.outbox.outlast(true);
    this.options.spool?.disconnected();
    this.options.logger.info({ reason: end.reason }, `disconnected: ${end.message}`);
    this.changes.changed();
  }

  private beat(load: MachineLoad): void {
    // First what changed, so that the lists of leases on both sides mean the same moment.
    this.outgoing.flush();
    this.session?.send({
      type: "heartbeat",
      load: { ...load, running: this.slots.runningCount },
      received_seq: this.receivedSeq,
      held: [...this.slots.held(), ...this.outgoing.held()].map(({ lease_seq }) => lease_seq),
    });
  }

  private receive(frame: CoordinatorMessage): void {
    switch (frame.type) {
      case "assign":
        for (const item of frame.items) {
          this.receivedSeq = Math.max(this.receivedSeq, item.lease_seq);
          if (!this.options.outbox.has(item.lease_seq)) this.slots.offer(item);
        }
        return;
      case "ack":
        for (const { lease_seq, verdict } of frame.items) {
          if (verdict !== "accepted") this.options.logger.warn({ lease_seq, verdict }, "a result was not needed");
          this.outgoing.acknowledged(lease_seq);
        }
        return;
      case "cancel":
        for (const { lease_seq, reason } of frame.items) this.slots.cancel(lease_seq, reason);
        return;
      case "revoke":
        for (const { lease_seq, running, reason } of frame.items) this.slots.revoke(lease_seq, { running, reason });
        return;
      case "drain":
        return this.drain(frame.reason === "" ? "asked to drain" : frame.reason, { announce: false });
      case "command":
        for (const item of frame.items) this.commands.receive(item);
        return;
      case "heartbeat_ack":
        return;
      default:
        return assertNever(frame);
    }
  }
}
