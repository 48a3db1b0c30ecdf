import { assert, assertNever, TokenBucket } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import { ASSAY_VERSION, HELLO_TIMEOUT_MS, PROTOCOL_VERSION } from "../../contracts/index.ts";
import type { CloseReason, CoordinatorFrameInput, WorkerFrame, WorkerFrameOf } from "../../contracts/index.ts";
import { coordinatorCodec } from "../codec/codec.ts";
import type { Connection } from "../connection.ts";
import { FRAME_BURST, FRAMES_PER_SECOND } from "../limits.ts";
import { FrameLink } from "./frame-link.ts";
import type { SessionEnd } from "./session-end.ts";

/** What a worker sends once it is welcome. */
export type WorkerMessage = Exclude<WorkerFrame, { type: "hello" }>;
/** What a coordinator sends besides the welcome. */
export type CoordinatorMessageInput = Exclude<CoordinatorFrameInput, { type: "welcome" }>;

/** They must not throw. None is called after `onClosed`. */
export interface CoordinatorSessionHandlers {
  /** The worker introduced itself; it waits for `welcome` and sends nothing before. */
  onHello(session: CoordinatorSession, hello: WorkerFrameOf<"hello">): void;
  /** Heartbeats are passed on here too; they are answered already. */
  onFrame(session: CoordinatorSession, frame: WorkerMessage): void;
  /** The session is writable again. */
  onDrain(session: CoordinatorSession): void;
  /** The end, once, whoever caused it. */
  onClosed(session: CoordinatorSession, end: SessionEnd): void;
}

export interface CoordinatorSessionOptions {
  connection: Connection;
  clock: Clock;
  /** A worker that is silent for so long after its hello is gone. */
  workerTimeoutMs: number;
  handlers: CoordinatorSessionHandlers;
}

export interface Welcome {
  sessionId: string;
  /** Of this leader. */
  epoch: number;
  heartbeatIntervalMs: number;
  /** A worker that is silent for so long from now on is gone. */
  workerTimeoutMs: number;
}

/**
 * The coordinator's side of one worker's connection: awaiting_hello → awaiting_welcome → open → closed. Whatever the worker
 * does wrong ends this session, with a reason, and nothing else.
 */
export class CoordinatorSession {
  readonly remote: string;
  private readonly options: CoordinatorSessionOptions;
  private readonly link: FrameLink<WorkerFrame, CoordinatorFrameInput>;
  private readonly helloTimer: Timer;
  private current: "awaiting_hello" | "awaiting_welcome" | "open" | "closed" = "awaiting_hello";

  constructor(options: CoordinatorSessionOptions) {
    const { connection, clock, handlers } = options;
    this.options = options;
    this.remote = connection.remote;
    this.helloTimer = clock.setTimer(HELLO_TIMEOUT_MS, () =>
      this.close("hello_timeout", `No hello came within ${HELLO_TIMEOUT_MS} ms.`),
    );
    this.link = new FrameLink({
      connection,
      codec: connection.codec ?? coordinatorCodec(connection.subprotocol),
      clock,
      intake: new TokenBucket({ perSecond: FRAMES_PER_SECOND, burst: FRAME_BURST }, clock.monotonicMs()),
      onFrame: (frame) => this.receive(frame),
      onDrain: () => handlers.onDrain(this),
      onEnd: (end) => this.ended(end),
    });
  }

  get state(): "awaiting_hello" | "awaiting_welcome" | "open" | "closed" {
    return this.current;
  }

  /** False while the worker reads too slowly to be given more work, until `onDrain`; and after the end. */
  get writable(): boolean {
    return this.link.writable;
  }

  /** Answers the hello. Does nothing after the end. */
  welcome({ sessionId, epoch, heartbeatIntervalMs, workerTimeoutMs }: Welcome): void {
    if (this.current === "closed") return;
    assert(this.current === "awaiting_welcome", `a session is welcomed once, after its hello; it is ${this.current}`);
    this.current = "open";
    this.link.watchSilence(workerTimeoutMs);
    this.link.send({
      type: "welcome",
      protocol_version: PROTOCOL_VERSION,
      assay_version: ASSAY_VERSION,
      session_id: sessionId,
      epoch,
      heartbeat_interval_ms: heartbeatIntervalMs,
      worker_timeout_ms: workerTimeoutMs,
      time_ms: this.options.clock.nowMs(),
    });
  }

  /**
   * Sends a frame; a long or large list goes out in several. After the end it does nothing: what was not received is repaired
   * when the worker connects again. Throws an AssayError, `frame_too_large` or `bad_frame`, for what no worker would take;
   * nothing is sent then.
   */
  send(frame: CoordinatorMessageInput): void {
    if (this.current === "closed") return;
    assert(this.current === "open", `nothing is sent before the welcome; the session is ${this.current}`);
    this.link.send(frame);
  }

  /** Ends the session; `onClosed` is called before this returns. */
  close(reason: CloseReason, message: string): void {
    this.link.end(reason, message);
  }

  private receive(frame: WorkerFrame): void {
    switch (this.current) {
      case "awaiting_hello":
        if (frame.type !== "hello") return this.close("bad_frame", `The first frame must be hello, not ${frame.type}.`);
        this.helloTimer.cancel();
        this.current = "awaiting_welcome";
        this.link.watchSilence(this.options.workerTimeoutMs);
        return this.options.handlers.onHello(this, frame);
      case "awaiting_welcome":
        return this.close("bad_frame", `A worker waits for the welcome before it sends ${frame.type}.`);
      case "open":
        return this.receiveOpen(frame);
      case "closed":
        return;
      default:
        assertNever(this.current);
    }
  }

  private receiveOpen(frame: WorkerFrame): void {
    if (frame.type === "hello") return this.close("bad_frame", "A session has one hello only.");
    if (frame.type === "heartbeat") {
      this.link.send({ type: "heartbeat_ack", time_ms: this.options.clock.nowMs() });
    }
    this.options.handlers.onFrame(this, frame);
  }

  private ended(end: SessionEnd): void {
    this.current = "closed";
    this.helloTimer.cancel();
    this.options.handlers.onClosed(this, end);
  }
}
