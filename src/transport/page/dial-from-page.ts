import { assayError, closeReasons, MAX_FRAME_BYTES } from "../../contracts/index.ts";
import type { Subprotocol } from "../../contracts/index.ts";
import { isLargerThan } from "../codec/message-size.ts";
import { BEARER_SUBPROTOCOL, WORKER_PATH } from "../connection.ts";
import type { Connection, ConnectionHandlers, Message } from "../connection.ts";

/** The WebSocket of browsers, as far as it is used. */
interface PageWebSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(message: Message): void;
  close(code?: number, text?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: string | ArrayBuffer }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}
type WebSocketClass = new (url: URL, subprotocols: string[]) => PageWebSocket;

const OPEN = 1;
/** Browsers do not tell when bytes have left. */
const FLUSH_LOOK_MS = 50;

export interface DialFromPageOptions {
  /** Base address of the coordinator, `http(s)://`; the path of the worker link is added. */
  url: string;
  token: string;
  /** The preferred one first. */
  subprotocols: readonly Subprotocol[];
  signal?: AbortSignal;
}

/**
 * Connects to a coordinator as a worker that is a page. Rejects with the AssayError `coordinator_unreachable` for every failure: browsers
 * do not tell pages what a handshake was answered with.
 */
export function dialFromPage({ url, token, subprotocols, signal }: DialFromPageOptions): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const address = new URL(url.replace(/^http/, "ws").replace(/\/$/, "") + WORKER_PATH);
  const { WebSocket } = globalThis as unknown as { WebSocket: WebSocketClass };
  const socket = new WebSocket(address, [...subprotocols, BEARER_SUBPROTOCOL + token]);
  socket.binaryType = "arraybuffer";
  const failed = (): void =>
    reject(assayError("coordinator_unreachable", `No coordinator answers at ${address.host} as a worker link does.`));
  const giveUp = (): void => {
    failed();
    socket.close();
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  socket.addEventListener("close", failed);
  // A browser fails the handshake when the server chooses what was not offered, or nothing.
  socket.addEventListener("open", () =>
    resolve(new PageConnection(socket, { remote: address.host, subprotocol: socket.protocol as Subprotocol })),
  );
  return promise.finally(() => signal?.removeEventListener("abort", giveUp));
}

/** An open WebSocket of a page, as a connection. */
class PageConnection implements Connection {
  readonly subprotocol: Subprotocol;
  readonly remote: string;
  private readonly socket: PageWebSocket;
  private handlers: ConnectionHandlers | undefined;
  /** What happened before `attach`. */
  private early: ((handlers: ConnectionHandlers) => void)[] = [];
  private looking = false;
  private closed = false;

  constructor(socket: PageWebSocket, { remote, subprotocol }: { remote: string; subprotocol: Subprotocol }) {
    this.socket = socket;
    this.remote = remote;
    this.subprotocol = subprotocol;
    socket.addEventListener("message", ({ data }) => this.received(data));
    socket.addEventListener("close", ({ code, reason }) => this.end(code, reason));
  }

  get bufferedBytes(): number {
    return this.socket.bufferedAmount;
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
    queueMicrotask(() => {
      const early = this.early;
      this.early = [];
      for (const event of early) event(handlers);
    });
  }

  send(message: Message): void {
    if (this.socket.readyState !== OPEN) return;
    this.socket.send(message);
    this.lookLater();
  }

  /** Pages may close with 1000 and the codes of applications only: for the others the text has to do. */
  close(code: number, text: string): void {
    const { normal, bad_frame } = closeReasons;
    this.socket.close(code === normal.code || code >= 3_000 ? code : bad_frame.code, text);
  }

  /** Browsers end connections only politely; this side does not wait for that. */
  terminate(): void {
    this.socket.close();
    this.end(1006, "");
  }

  private received(data: string | ArrayBuffer): void {
    const message = typeof data === "string" ? data : new Uint8Array(data);
    const isTooLarge = isLargerThan(message, MAX_FRAME_BYTES);
    this.tell((handlers) =>
      isTooLarge
        ? handlers.onViolation("frame_too_large", `A message of more than ${MAX_FRAME_BYTES} bytes came.`)
        : handlers.onMessage(message),
    );
  }

  private end(code: number, text: string): void {
    if (this.closed) return;
    this.closed = true;
    this.tell((handlers) => handlers.onClosed(code, text));
  }

  private lookLater(): void {
    if (this.looking || this.socket.bufferedAmount === 0) return;
    this.looking = true;
    setTimeout(() => {
      this.looking = false;
      // What is unsent then stays so.
      if (this.closed) return;
      this.handlers?.onFlushed();
      this.lookLater();
    }, FLUSH_LOOK_MS);
  }

  private tell(event: (handlers: ConnectionHandlers) => void): void {
    if (this.handlers === undefined || this.early.length > 0) this.early.push(event);
    else event(this.handlers);
  }
}
