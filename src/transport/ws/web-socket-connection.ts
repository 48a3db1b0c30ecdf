import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { errorCode } from "../../base/index.ts";
import type { Subprotocol } from "../../contracts/index.ts";
import type { Connection, ConnectionHandlers, Message } from "../connection.ts";

export interface WebSocketLink {
  subprotocol: Subprotocol;
  remote: string;
  /** The stream below the WebSocket. */
  stream: Duplex;
}

/** A WebSocket of `ws` that is open, as a connection. What is sent in one turn leaves in one write. */
export class WebSocketConnection implements Connection {
  readonly subprotocol: Subprotocol;
  readonly remote: string;
  private readonly socket: WebSocket;
  private readonly stream: Duplex;
  private corked = false;
  private handlers: ConnectionHandlers | undefined;
  /** What happened before `attach`. */
  private early: ((handlers: ConnectionHandlers) => void)[] = [];
  private readonly flushed = (): void => this.handlers?.onFlushed();

  constructor(socket: WebSocket, link: WebSocketLink) {
    this.socket = socket;
    this.stream = link.stream;
    this.subprotocol = link.subprotocol;
    this.remote = link.remote;
    socket.on("message", (data, isBinary) => {
      // `ws` gives one Buffer unless its binaryType is changed.
      const bytes = data as Buffer;
      const message = isBinary ? bytes : bytes.toString("utf8");
      this.tell((handlers) => handlers.onMessage(message));
    });
    socket.on("error", (error) => this.violated(error));
    socket.on("close", (code, text) => this.tell((handlers) => handlers.onClosed(code, text.toString("utf8"))));
  }

  get bufferedBytes(): number {
    return this.socket.bufferedAmount;
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
    if (this.early.length === 0) return;
    queueMicrotask(() => {
      const early = this.early;
      this.early = [];
      for (const event of early) event(handlers);
    });
  }

  send(message: Message): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.cork();
    this.socket.send(message, this.flushed);
  }

  close(code: number, text: string): void {
    this.socket.close(code, text);
  }

  terminate(): void {
    this.socket.terminate();
  }

  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.stream.cork();
    queueMicrotask(() => {
      this.corked = false;
      this.stream.uncork();
    });
  }

  private tell(event: (handlers: ConnectionHandlers) => void): void {
    if (this.handlers === undefined || this.early.length > 0) this.early.push(event);
    else event(this.handlers);
  }

  /** `ws` reports broken WebSocket frames as errors with such codes; any other error is a lost socket, and `close` follows. */
  private violated(error: Error): void {
    const code = errorCode(error);
    if (code?.startsWith("WS_ERR_") !== true) return;
    const tooLarge = code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" || code === "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH";
    this.tell((handlers) => handlers.onViolation(tooLarge ? "frame_too_large" : "bad_frame", error.message));
  }
}
