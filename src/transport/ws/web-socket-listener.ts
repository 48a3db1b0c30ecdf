import type { IncomingMessage, Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { err, errorMessage } from "../../base/index.ts";
import type { Clock, Result } from "../../base/index.ts";
import { closeReasons, fault, MAX_FRAME_BYTES } from "../../contracts/index.ts";
import type { Fault, Subprotocol } from "../../contracts/index.ts";
import { BEARER_SUBPROTOCOL, chooseSubprotocol, WORKER_PATH } from "../connection.ts";
import type { ListenerOptions } from "../connection.ts";
import { CLOSE_GRACE_MS } from "../limits.ts";
import { defaultHandshakeLimits, HandshakeLimiter } from "./handshake-limiter.ts";
import type { HandshakeLimits } from "./handshake-limiter.ts";
import { refuseUpgrade } from "./refuse-upgrade.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

/** How long the token may take to be checked. */
const AUTHENTICATE_TIMEOUT_MS = 5_000;
const stopping = fault("shutting_down", "The coordinator is stopping.");

export interface WebSocketListenerOptions<Identity> extends ListenerOptions<Identity> {
  /** Listens already, or will; belongs to the caller. Its header limits are the caller's too. */
  server: Server | SecureServer;
  clock: Clock;
  path?: string;
  limits?: Partial<HandshakeLimits>;
}

/**
 * Takes WebSocket connections of workers on an HTTP server that it shares. The token is read from a header only:
 * Authorization, or for pages Sec-WebSocket-Protocol, before the handshake is answered; a refusal is an HTTP error with the body of the REST API.
 */
export class WebSocketListener<Identity> {
  private readonly options: WebSocketListenerOptions<Identity>;
  private readonly limiter: HandshakeLimiter;
  private readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => {
      const chosen = chooseSubprotocol(offered);
      return chosen.ok ? chosen.value : false;
    },
  });
  private closing = false;

  constructor(options: WebSocketListenerOptions<Identity>) {
    this.options = options;
    this.limiter = new HandshakeLimiter({ ...defaultHandshakeLimits, ...options.limits });
    options.server.on("upgrade", this.onUpgrade);
  }

  /**
   * Says goodbye on all connections and resolves when the last one has ended; meanwhile it answers `shutting_down`, and
   * afterwards nothing.
   */
  async close(): Promise<void> {
    this.closing = true;
    const open = [...this.sockets.clients];
    const ended = open.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const socket of open) socket.close(closeReasons.shutting_down.code, stopping.message);
    const grace = this.options.clock.setTimer(CLOSE_GRACE_MS, () => {
      for (const socket of open) socket.terminate();
    });
    await Promise.all(ended);
    grace.cancel();
    this.options.server.off("upgrade", this.onUpgrade);
    this.sockets.close();
  }

  private readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = request.url?.split("?")[0];
    const ours = path === (this.options.path ?? WORKER_PATH);
    // Another listener of the same server may know the path; when there is none, this one answers.
    if (!ours && this.options.server.listenerCount("upgrade") > 1) return;
    // Until `ws` takes the socket over, a reset would otherwise end the process.
    const ignore = (): void => void socket.destroy();
    socket.on("error", ignore);
    if (!ours) return refuseUpgrade(socket, fault("not_found", `There is no WebSocket at ${path}.`));
    const handOver = (subprotocol: Subprotocol, identity: Identity): void => {
      socket.off("error", ignore);
      this.sockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.options.onConnection(
          new WebSocketConnection(webSocket, { subprotocol, remote: remoteOf(request), stream: socket }),
          identity,
        ),
      );
    };
    void this.admit(request).then((admitted) => {
      if (admitted.ok) handOver(admitted.value.subprotocol, admitted.value.identity);
      else refuseUpgrade(socket, admitted.error);
    });
  };

  /** Never rejects. */
  private async admit(
    request: IncomingMessage,
  ): Promise<Result<{ subprotocol: Subprotocol; identity: Identity }, Fault>> {
    if (this.closing) return err(stopping);
    const address = request.socket.remoteAddress ?? "";
    if (!this.limiter.begin(address, this.options.clock.monotonicMs())) {
      return err(fault("rate_limited", `Too many handshakes from ${address}.`));
    }
    try {
      const subprotocol = chooseSubprotocol(offeredBy(request));
      if (!subprotocol.ok) return subprotocol;
      const identity = await this.authenticate(request);
      if (!identity.ok) return identity;
      if (this.closing) return err(stopping);
      return { ok: true, value: { subprotocol: subprotocol.value, identity: identity.value } };
    } finally {
      this.limiter.done(address);
    }
  }

  private async authenticate(request: IncomingMessage): Promise<Result<Identity, Fault>> {
    const { clock, authenticate } = this.options;
    const late = Promise.withResolvers<Result<Identity, Fault>>();
    const timer = clock.setTimer(AUTHENTICATE_TIMEOUT_MS, () =>
      late.resolve(err(fault("journal_unavailable", "The token could not be checked in time."))),
    );
    try {
      return await Promise.race([authenticate(bearerToken(request), remoteOf(request)), late.promise]);
    } catch (error) {
      return err(fault("internal", `The token could not be checked: ${errorMessage(error)}`));
    } finally {
      timer.cancel();
    }
  }
}

function remoteOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
}

function bearerToken(request: IncomingMessage): string | null {
  const header = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? "")?.[1];
  const offered = offeredBy(request).find((name) => name.startsWith(BEARER_SUBPROTOCOL));
  return header ?? offered?.slice(BEARER_SUBPROTOCOL.length) ?? null;
}

function offeredBy({ headers }: IncomingMessage): string[] {
  return (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
