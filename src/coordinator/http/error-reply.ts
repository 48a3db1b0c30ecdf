import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { redactTokens } from "../../auth/index.ts";
import { AssayError, errorCode, errorMessage } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { ErrorCode, ErrorResponse } from "../../contracts/index.ts";
import { faultStatus } from "./fault-status.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The error when the body is over the route's limit. */
    bodyTooLarge?: ErrorCode;
  }
}

const RETRY_AFTER_SECONDS = 1;

/** Answers every failed request: known errors with their code, anything else as `internal`, whose cause only the log knows. */
export function replyWithError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { known, status } = knownError(error, request);
  if (status >= 500 && status !== 503) {
    request.log.error(
      { error: loggable(error), method: request.method, route: request.routeOptions.url },
      "request failed",
    );
  }
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if ((status === 429 || status === 503) && !reply.hasHeader("retry-after"))
    reply.header("retry-after", RETRY_AFTER_SECONDS);
  // The server would close the connection under a body that it did not read, and so often lose the answer. The rest of the
  // body is thrown away instead, for as long as a request may take.
  if (status === 413) reply.removeHeader("connection");
  // Set for content that then could not be sent.
  reply.removeHeader("content-disposition").removeHeader("content-length");
  reply.code(status).type("application/json; charset=utf-8").send(errorBody(known));
}

/** Answers what is not HTTP, or HTTP that came too slowly or with too long headers. */
export function replyToBrokenClient(error: Error, socket: Socket): void {
  if (errorCode(error) === "ECONNRESET" || socket.destroyed) return;
  if (socket.writable) {
    const [status, message] = brokenClient(errorCode(error));
    const body = JSON.stringify(errorBody(assayError("bad_request", message)));
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}

function brokenClient(code: string | undefined): [status: string, message: string] {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return ["408 Request Timeout", "The request did not arrive in time"];
  if (code === "HPE_HEADER_OVERFLOW")
    return ["431 Request Header Fields Too Large", "The headers of the request are too large"];
  return ["400 Bad Request", "This is not HTTP/1.1; behind TLS use an https address"];
}

function knownError(error: unknown, request: FastifyRequest): { known: AssayError; status: number } {
  if (error instanceof AssayError) return { known: error, status: faultStatus(error.code) };
  const status = statusOf(error);
  if (status >= 400 && status < 500) return { known: frameworkError(error, request), status };
  const known = assayError(
    "internal",
    `The coordinator met an unexpected error; its log has it under request ${request.id}`,
  );
  return { known, status: 500 };
}

/** Fastify's own refusals: body too large, not JSON, unknown content type, malformed address. */
function frameworkError(error: unknown, request: FastifyRequest): AssayError {
  if (errorCode(error) === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const code = request.routeOptions.config.bodyTooLarge ?? "bad_request";
    return assayError(code, `The body is larger than the limit of ${request.routeOptions.bodyLimit} bytes`);
  }
  return assayError("bad_request", errorMessage(error));
}

function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return 500;
  return typeof error.statusCode === "number" ? error.statusCode : 500;
}

function errorBody({ code, message, next, details }: AssayError): ErrorResponse {
  return { error: { code, message, next, ...(typeof details["path"] === "string" ? { path: details["path"] } : {}) } };
}

/** Whole errors may carry a token in a message. */
function loggable(error: unknown): object {
  if (!(error instanceof Error)) return { message: redactTokens(String(error)) };
  return {
    code: errorCode(error),
    message: redactTokens(error.message),
    stack: redactTokens(error.stack ?? ""),
    ...(error.cause === undefined ? {} : { cause: loggable(error.cause) }),
  };
}
