import type { Clock, Timer, TokenBucket } from "../../base/index.ts";
import { closeReasons } from "../../contracts/index.ts";
import type { CloseReason } from "../../contracts/index.ts";
import { encodeParts } from "../codec/encode-parts.ts";
import type { FrameCodec } from "../codec/codec.ts";
import type { Connection, Message } from "../connection.ts";
import { CLOSE_GRACE_MS } from "../limits.ts";
import { Outflow } from "./outflow.ts";
import { closeText, sessionEnd } from "./session-end.ts";
import type { SessionEnd } from "./session-end.ts";
import { SilenceWatch } from "./silence-watch.ts";

export interface FrameLinkOptions<In, Out extends object> {
  connection: Connection;
  codec: FrameCodec<In, Out>;
  clock: Clock;
  /** Takes one for each message that comes; the link ends when it is empty. */
  intake?: TokenBucket;
  onFrame: (frame: In) => void;
  onDrain: () => void;
  /** Once. Nothing is called afterwards. */
  onEnd: (end: SessionEnd) => void;
}

/** What the sessions of both sides have in common: frames over a connection, numbered, watched, and ended for one reason. */
export class FrameLink<In, Out extends object> {
  private readonly options: FrameLinkOptions<In, Out>;
  private readonly outflow: Outflow;
  private sent = 0;
  private received = 0;
  private ended = false;
  private silence: SilenceWatch | undefined;
  private grace: Timer | undefined;

  constructor(options: FrameLinkOptions<In, Out>) {
    this.options = options;
    const { connection, clock } = options;
    this.outflow = new Outflow(connection, clock, {
      onDrain: () => this.ended || options.onDrain(),
      onStuck: () => this.end("slow_reader", "The other side has not read what was sent to it."),
    });
    connection.attach({
      onMessage: (message) => this.receive(message),
      onFlushed: () => this.outflow.shrank(),
      onViolation: (reason, text) => this.end(reason, text),
      onClosed: (code, text) => this.closed(code, text),
    });
  }

  get writable(): boolean {
    return !this.ended && this.outflow.writable;
  }

  /** Throws an AssayError when the frame cannot be sent; does nothing after the end. */
  send(frame: Out): void {
    if (this.ended) return;
    const messages = encodeParts(this.options.codec, frame, this.sent + 1);
    this.sent += messages.length;
    for (const message of messages) this.options.connection.send(message);
    this.outflow.grew();
  }

  /** From now on, ends the link when nothing came for `timeoutMs`. */
  watchSilence(timeoutMs: number): void {
    this.silence?.stop();
    this.silence = new SilenceWatch(this.options.clock, timeoutMs, () =>
      this.end("heartbeat_timeout", `Nothing was heard for ${timeoutMs} ms.`),
    );
  }

  /** Ends the link and tells the other side why; `onEnd` is called before this returns. */
  end(reason: CloseReason, message: string): void {
    if (this.ended) return;
    const { connection, clock } = this.options;
    connection.close(closeReasons[reason].code, closeText(message));
    this.grace = clock.setTimer(CLOSE_GRACE_MS, () => connection.terminate());
    this.finish({ reason, message });
  }

  private receive(message: Message): void {
    if (this.ended) return;
    const { clock, intake, codec, onFrame } = this.options;
    const nowMs = clock.monotonicMs();
    if (intake?.take(nowMs) === false) return this.end("rate_limited", "Too many frames came in a short time.");
    this.silence?.heard(nowMs);
    const frame = codec.decode(message, this.received + 1);
    if (!frame.ok) return this.end(frame.error.code, frame.error.message);
    this.received += 1;
    onFrame(frame.value);
  }

  private closed(code: number, text: string): void {
    this.grace?.cancel();
    if (!this.ended) this.finish(sessionEnd(code, text));
  }

  private finish(end: SessionEnd): void {
    this.ended = true;
    this.silence?.stop();
    this.outflow.stop();
    this.options.onEnd(end);
  }
}
