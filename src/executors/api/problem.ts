import type { FailureClass } from "../../contracts/index.ts";

/** What can be wrong with one request, and what that says of the endpoint when no request was answered. */
export const problemClasses = {
  // It cannot be reached.
  dns: "setup",
  connection_refused: "setup",
  connect_timeout: "setup",
  tls: "setup",
  unreachable: "setup",
  // It broke off.
  connection_lost: "crash",
  not_http: "crash",
  // It answered, or should have: the check says no.
  request_timeout: "assertion",
  redirect: "assertion",
  headers_too_large: "assertion",
  body_too_large: "assertion",
  content_encoding: "assertion",
  status: "assertion",
  header: "assertion",
  invalid_utf8: "assertion",
  invalid_json: "assertion",
  json_schema: "assertion",
  json_value: "assertion",
  body: "assertion",
  not_a_stream: "assertion",
  stream_error: "assertion",
  stream_empty: "assertion",
  stream_cut: "assertion",
} as const satisfies Record<string, FailureClass>;
export type ProblemKind = keyof typeof problemClasses;

/** Why one request failed. */
export interface Problem {
  kind: ProblemKind;
  message: string;
}

/** Carries a problem out of what reads an answer. */
export class ProblemError extends Error {
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
