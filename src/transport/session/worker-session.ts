import { assert, assertNever } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import { ASSAY_VERSION, faultError, PROTOCOL_VERSION } from "../../contracts/index.ts";
import type { CloseReason, CoordinatorFrame, CoordinatorFrameOf, WorkerFrameInput } from "../../contracts/index.ts";
import { workerCodec } from "../codec/codec.ts";
import type { Connection } from "../connection.ts";
import { WELCOME_TIMEOUT_MS } from "../limits.ts";
import { FrameLink } from "./frame-link.ts";
import type { SessionEnd } from "./session-end.ts";

/** What a coordinator sends once it has welcomed the worker. */
export type CoordinatorMessage = Exclude<CoordinatorFrame, { type: "welcome" }>;
/** What a worker sends besides the hello. */
export type WorkerMessageInput = Exclude<WorkerFrameInput, { type: "hello" }>;
/** What a worker says about itself; the session adds the versions. */
export type HelloInput = Omit<
  Extract<WorkerFrameInput, { type: "hello" }>,
  "type" | "protocol_version" | "assay_version"
>;

/** They must not throw. None is called after `onClosed`. */
export interface WorkerSessionHandlers {
  onWelcome(session: WorkerSession, welcome: CoordinatorFrameOf<"welcome">): void;
  /** Heartbeat answers are passed on here too. */
  onFrame(session: WorkerSession, frame: CoordinatorMessage): void;
  /** The session is writable again. */
  onDrain(session: WorkerSession): void;
  /** The end, once, whoever caused it. */
  onClosed(session: WorkerSession, end: SessionEnd): void;
}

export interface WorkerSessionOptions {
  connection: Connection;
  clock: Clock;
  hello: HelloInput;
  /**
   * The highest epoch that any coordinator told this worker, 0 for none. An older one is refused: as a leader welcomes only after
   * it could commit, it is not one that was replaced, but leads a journal that was put back.
   */
  highestEpoch: number;
  handlers: WorkerSessionHandlers;
  welcomeTimeoutMs?: number;
}

/** The worker's side of its connection: says hello, then awaiting_welcome → open → closed. */
export class WorkerSession {
  readonly remote: string;
  /** Settles with the end of the session; never rejects. */
  readonly ended: Promise<SessionEnd>;
  private readonly options: WorkerSessionOptions;
  private readonly link: FrameLink<CoordinatorFrame, WorkerFrameInput>;
  private readonly welcomeTimer: Timer;
  private readonly resolveEnded: (end: SessionEnd) => void;
  private current: "awaiting_welcome" | "open" | "closed" = "awaiting_welcome";
  private welcomedMs: number | null = null;

  /** Says hello at once. Throws an AssayError, and cuts the connection, when the hello is too large for a frame. */
  constructor(options: WorkerSessionOptions) {
    const { connection, clock, handlers, hello, welcomeTimeoutMs = WELCOME_TIMEOUT_MS } = options;
    this.options = options;
    this.remote = connection.remote;
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.ended = promise;
    this.resolveEnded = resolve;
    const greeting = {
      type: "hello",
      protocol_version: PROTOCOL_VERSION,
      assay_version: ASSAY_VERSION,
      ...hello,
    } as const;
    const codec = connection.codec ?? workerCodec(connection.subprotocol);
    const sendable = codec.encode(greeting, 1);
    if (!sendable.ok) {
      connection.terminate();
      throw faultError(sendable.error);
    }
    this.welcomeTimer = clock.setTimer(welcomeTimeoutMs, () =>
      this.close("heartbeat_timeout", `No welcome came within ${welcomeTimeoutMs} ms.`),
    );
    this.link = new FrameLink({
      connection,
      codec,
      clock,
      onFrame: (frame) => this.receive(frame),
      onDrain: () => handlers.onDrain(this),
      onEnd: (end) => this.finish(end),
    });
    this.link.send(greeting);
  }

  get state(): "awaiting_welcome" | "open" | "closed" {
    return this.current;
  }

  /** When the welcome came, in monotonic milliseconds; null before. */
  get welcomedAtMs(): number | null {
    return this.welcomedMs;
  }

  /** False while the coordinator reads too slowly for what can wait, such as logs, until `onDrain`; and after the end. */
  get writable(): boolean {
    return this.link.writable;
  }

  /**
   * Sends a frame; a long or large list goes out in several. After the end it does nothing. Throws an AssayError,
   * `frame_too_large` or `bad_frame`, for what no coordinator would take; nothing is sent then.
   */
  send(frame: WorkerMessageInput): void {
    if (this.current === "closed") return;
    assert(this.current === "open", "a worker sends nothing between its hello and the welcome");
    this.link.send(frame);
  }

  /** Ends the session; `onClosed` is called before this returns. */
  close(reason: CloseReason, message: string): void {
    this.link.end(reason, message);
  }

  private receive(frame: CoordinatorFrame): void {
    switch (this.current) {
      case "awaiting_welcome":
        if (frame.type === "welcome") return this.welcomed(frame);
        return this.close("bad_frame", `The first frame must be welcome, not ${frame.type}.`);
      case "open":
        if (frame.type === "welcome") return this.close("bad_frame", "A session has one welcome only.");
        return this.options.handlers.onFrame(this, frame);
      case "closed":
        return;
      default:
        assertNever(this.current);
    }
  }

  private welcomed(frame: CoordinatorFrameOf<"welcome">): void {
    const { clock, highestEpoch, handlers } = this.options;
    if (frame.epoch < highestEpoch) {
      return this.close("journal_put_back", `Epoch ${frame.epoch} is over: this worker has seen ${highestEpoch}.`);
    }
    this.welcomeTimer.cancel();
    this.current = "open";
    this.welcomedMs = clock.monotonicMs();
    this.link.watchSilence(frame.worker_timeout_ms);
    handlers.onWelcome(this, frame);
  }

  private finish(end: SessionEnd): void {
    this.current = "closed";
    this.welcomeTimer.cancel();
    this.options.handlers.onClosed(this, end);
    this.resolveEnded(end);
  }
}
