import { MAX_FRAME_BYTES } from "../../contracts/index.ts";
import type { Subprotocol } from "../../contracts/index.ts";
import { messageBytes } from "../codec/message-size.ts";
import type { Connection, ConnectionHandlers, Message } from "../connection.ts";

/** Runs an action later, never at once; a simulator passes its own to decide when. */
export type Deliver = (action: () => void) => void;

type Arrival =
  | { kind: "message"; message: Message; bytes: number }
  | { kind: "violation"; bytes: number }
  | { kind: "closed"; code: number; text: string };

/** One end of an in-memory connection. */
export class LoopbackConnection implements Connection {
  readonly subprotocol: Subprotocol;
  readonly remote: string;
  private readonly deliver: Deliver;
  private peer!: LoopbackConnection;
  private handlers: ConnectionHandlers | undefined;
  /** What the other end sent and this one has not been given. */
  private inbox: Arrival[] = [];
  private unsentBytes = 0;
  private phase: "open" | "closing" | "closed" = "open";
  private paused = false;
  private scheduled = false;

  constructor(options: { subprotocol: Subprotocol; remote: string; deliver: Deliver }) {
    this.subprotocol = options.subprotocol;
    this.remote = options.remote;
    this.deliver = options.deliver;
  }

  /** Joins two ends; done once, by `loopbackPair`. */
  static join(one: LoopbackConnection, other: LoopbackConnection): void {
    one.peer = other;
    other.peer = one;
  }

  get bufferedBytes(): number {
    return this.unsentBytes;
  }

  get closed(): boolean {
    return this.phase === "closed";
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
    this.schedule();
  }

  send(message: Message): void {
    if (this.phase !== "open") return;
    const bytes = messageBytes(message);
    this.unsentBytes += bytes;
    this.peer.receive(bytes > MAX_FRAME_BYTES ? { kind: "violation", bytes } : { kind: "message", message, bytes });
  }

  close(code: number, text: string): void {
    if (this.phase !== "open") return;
    this.phase = "closing";
    this.peer.receive({ kind: "closed", code, text });
  }

  terminate(): void {
    if (this.phase === "closed") return;
    this.cut();
    this.peer.cut();
  }

  /** Stops reading, as a process does that hangs; what the other end sends stays in its buffer. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.schedule();
  }

  private receive(arrival: Arrival): void {
    if (this.phase === "closed") return;
    this.inbox.push(arrival);
    this.schedule();
  }

  private cut(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.paused = false;
    this.peer.unsentBytes = 0;
    this.inbox = [{ kind: "closed", code: 1006, text: "" }];
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.paused || this.handlers === undefined || this.inbox.length === 0) return;
    this.scheduled = true;
    this.deliver(() => {
      this.scheduled = false;
      if (!this.paused) this.deliverNext();
      this.schedule();
    });
  }

  private deliverNext(): void {
    const arrival = this.inbox.shift();
    if (arrival === undefined || this.handlers === undefined) return;
    switch (arrival.kind) {
      case "message":
        this.flushPeer(arrival.bytes);
        this.handlers.onMessage(arrival.message);
        return;
      case "violation":
        this.flushPeer(arrival.bytes);
        this.handlers.onViolation("frame_too_large", `A message is larger than ${MAX_FRAME_BYTES} bytes.`);
        return;
      case "closed":
        this.finish(arrival.code, arrival.text);
    }
  }

  private flushPeer(bytes: number): void {
    this.peer.unsentBytes -= bytes;
    this.peer.handlers?.onFlushed();
  }

  /** The other end said goodbye: so does this one, and both are closed. */
  private finish(code: number, text: string): void {
    const answer = this.phase === "open";
    this.phase = "closed";
    this.inbox = [];
    if (answer) this.peer.receive({ kind: "closed", code, text });
    this.handlers?.onClosed(code, text);
  }
}

/** Two connected ends in this process: `[coordinator side, worker side]`. Messages arrive in order and never during `send`. */
export function loopbackPair(options: {
  subprotocol: Subprotocol;
  remote?: string;
  deliver?: Deliver;
}): [LoopbackConnection, LoopbackConnection] {
  const { subprotocol, remote = "loopback", deliver = queueMicrotask } = options;
  const server = new LoopbackConnection({ subprotocol, remote, deliver });
  const client = new LoopbackConnection({ subprotocol, remote, deliver });
  LoopbackConnection.join(server, client);
  return [server, client];
}
