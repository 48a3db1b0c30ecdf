import type { Duplex } from "node:stream";
import type { ErrorCode, ErrorResponse, Fault } from "../../contracts/index.ts";

const phrases = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;
type Status = keyof typeof phrases;

const statuses: Partial<Record<ErrorCode, Status>> = {
  protocol_version: 400,
  unauthenticated: 401,
  token_expired: 401,
  token_revoked: 401,
  forbidden: 403,
  not_found: 404,
  rate_limited: 429,
  not_leader: 503,
  shutting_down: 503,
  journal_unavailable: 503,
};

/** Answers a WebSocket handshake with an error of the REST API, and ends the socket. */
export function refuseUpgrade(socket: Duplex, { code, message, next, path }: Fault): void {
  const status = statuses[code] ?? 500;
  const answer: ErrorResponse = { error: { code, message, next, ...(path === undefined ? {} : { path }) } };
  const body = Buffer.from(JSON.stringify(answer));
  const head = [
    `HTTP/1.1 ${status} ${phrases[status]}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${body.length}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
  ];
  socket.once("finish", () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}
