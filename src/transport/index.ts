/**
 * transport: the link between a coordinator and its workers. A connection carries messages (WebSocket, or in memory); a
 * session carries numbered, checked frames over a connection, with limits, heartbeats and back-pressure. PROTOCOL.md is its
 * specification.
 *
 * Never: what frames are about (leases, results, tokens), storage, a clock or randomness of its own. Only `ws/` needs Node, only `page/` a browser.
 * May enter: coordinator, worker, tab, cli, sim.
 */
export type { Connection, ConnectionHandlers, ListenerOptions, Message } from "./connection.ts";
export { LoopbackListener } from "./loopback/loopback-listener.ts";
export { CoordinatorSession } from "./session/coordinator-session.ts";
export type {
  CoordinatorMessageInput,
  CoordinatorSessionHandlers,
  CoordinatorSessionOptions,
  Welcome,
  WorkerMessage,
} from "./session/coordinator-session.ts";
export { keepConnected } from "./session/keep-connected.ts";
export type { KeepConnectedOptions } from "./session/keep-connected.ts";
export type { SessionEnd } from "./session/session-end.ts";
export { WorkerSession } from "./session/worker-session.ts";
export type {
  CoordinatorMessage,
  HelloInput,
  WorkerMessageInput,
  WorkerSessionHandlers,
  WorkerSessionOptions,
} from "./session/worker-session.ts";
export { dialFromPage } from "./page/dial-from-page.ts";
export type { DialFromPageOptions } from "./page/dial-from-page.ts";
export { dialWebSocket } from "./ws/dial-web-socket.ts";
export type { DialWebSocketOptions } from "./ws/dial-web-socket.ts";
export type { HandshakeLimits } from "./ws/handshake-limiter.ts";
export { WebSocketListener } from "./ws/web-socket-listener.ts";
export type { WebSocketListenerOptions } from "./ws/web-socket-listener.ts";
