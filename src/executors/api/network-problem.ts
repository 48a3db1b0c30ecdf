import { errorCode, errorMessage } from "../../base/index.ts";
import type { ProblemKind } from "./problem.ts";
import { ProblemError } from "./problem.ts";

/** How far a request had come. */
export type Stage = "connecting" | "securing" | "sent" | "answering";

const kindOfCode: Readonly<Record<string, ProblemKind>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ECONNREFUSED: "connection_refused",
  ETIMEDOUT: "connect_timeout",
};

/** What an error of Node's HTTP client says of the endpoint. */
export function networkProblem(error: unknown, stage: Stage): ProblemError {
  if (error instanceof ProblemError) return error;
  const code = errorCode(error) ?? "";
  const message = `${errorMessage(error) || code}${errorMessage(error).includes(code) ? "" : ` (${code})`}`;
  return new ProblemError(kindOf(code, stage), message);
}

function kindOf(code: string, stage: Stage): ProblemKind {
  if (stage === "connecting") return kindOfCode[code] ?? "unreachable";
  if (stage === "securing") return "tls";
  if (code === "HPE_HEADER_OVERFLOW") return "headers_too_large";
  return code.startsWith("HPE_") ? "not_http" : "connection_lost";
}
