import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { errorCode, errorMessage } from "../../base/index.ts";
import type { AssayError } from "../../base/index.ts";
import { assayError, errorCatalogue, errorResponse, MAX_FRAME_BYTES } from "../../contracts/index.ts";
import type { ErrorCode, Subprotocol } from "../../contracts/index.ts";
import { WORKER_PATH } from "../connection.ts";
import type { Connection } from "../connection.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

export interface DialWebSocketOptions {
  /** Base address of the coordinator, `http(s)://` or `ws(s)://`; the path of the worker link is added. */
  url: string;
  token: string | null;
  /** The preferred one first. */
  subprotocols: readonly Subprotocol[];
  handshakeTimeoutMs: number;
  /** PEM certificates to trust instead of the system's. */
  ca?: string;
  signal?: AbortSignal;
}

/** The longest error body that is read. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Connects to a coordinator as a worker. Rejects with an AssayError: the coordinator's own refusal (`unauthenticated`,
 * `forbidden`, `protocol_version`, `not_leader`…), or `coordinator_unreachable`.
 */
export function dialWebSocket(options: DialWebSocketOptions): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const { signal } = options;
  const url = endpoint(options.url);
  if (url === null) return Promise.reject(unreachable(options.url, "it is not an http, https, ws or wss address"));
  if (signal?.aborted === true) return Promise.reject(unreachable(url.host, "the attempt was given up"));
  const socket = open(url, options);
  const giveUp = (): void => socket.terminate();
  // `ws` may report more than one error until it is open, and each needs a listener; the first one counts.
  const onError = (error: Error): void => reject(dialError(url, error));
  socket.on("error", onError);
  socket.on("unexpected-response", (_request, response) => {
    void refusal(url, response).then((error) => {
      reject(error);
      socket.terminate();
    });
  });
  socket.once("upgrade", ({ socket: stream }) => {
    socket.once("open", () => {
      // The server may choose only among those offered.
      const subprotocol = socket.protocol as Subprotocol;
      resolve(new WebSocketConnection(socket, { subprotocol, remote: url.host, stream }));
      socket.off("error", onError);
    });
  });
  signal?.addEventListener("abort", giveUp, { once: true });
  return promise.finally(() => signal?.removeEventListener("abort", giveUp));
}

function open(url: URL, { token, subprotocols, handshakeTimeoutMs, ca }: DialWebSocketOptions): WebSocket {
  return new WebSocket(url, [...subprotocols], {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    ...(ca === undefined ? {} : { ca }),
  });
}

function endpoint(address: string): URL | null {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (!["http:", "https:", "ws:", "wss:"].includes(url.protocol)) return null;
  url.hash = "";
  url.search = "";
  url.username = "";
  url.password = "";
  if (!url.pathname.endsWith(WORKER_PATH)) url.pathname = url.pathname.replace(/\/$/, "") + WORKER_PATH;
  return url;
}

function unreachable(where: string, why: string, cause?: unknown): AssayError {
  return assayError("coordinator_unreachable", `No coordinator answers at ${where}: ${why}.`, { cause });
}

function dialError(url: URL, error: Error): AssayError {
  if (/subprotocol/i.test(error.message) && errorCode(error) === undefined) {
    return assayError(
      "protocol_version",
      `${url.host} does not speak this version of the worker link: ${error.message}.`,
    );
  }
  return unreachable(url.host, errorMessage(error) || (errorCode(error) ?? "the connection failed"), error);
}

/** The coordinator's own words when it sent them, else what the status says. */
async function refusal(url: URL, response: IncomingMessage): Promise<AssayError> {
  const parsed = errorResponse.safeParse(await jsonBody(response));
  if (parsed.success) {
    const { code, message, next, path } = parsed.data.error;
    if (isErrorCode(code)) return assayError(code, message, { next, ...(path === undefined ? {} : { path }) });
  }
  const status = response.statusCode ?? 0;
  const said = `${url.host} answered with HTTP ${status}.`;
  if (status === 401) return assayError("unauthenticated", said);
  if (status === 403) return assayError("forbidden", said);
  return unreachable(url.host, `it answered with HTTP ${status}`);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}

async function jsonBody(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      const part = Buffer.from(chunk as Uint8Array);
      chunks.push(part);
      bytes += part.length;
      if (bytes > MAX_BODY_BYTES) return null;
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    return null;
  }
}
