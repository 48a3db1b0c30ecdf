import { assertNever } from "../base/index.ts";
import type { Failure } from "../contracts/index.ts";
import type { AbortReason, ExecutionReport } from "./executor.ts";

const reasons: ReadonlySet<unknown> = new Set<AbortReason>(["timeout", "cancelled", "shutdown", "preempted"]);

/** Why the signal fired; undefined while it has not. */
export function abortReason(signal: AbortSignal): AbortReason | undefined {
  if (!signal.aborted) return undefined;
  // Anything else comes from a caller's own controller and can only mean: stop.
  return reasons.has(signal.reason) ? (signal.reason as AbortReason) : "cancelled";
}

/** The status and failure of an attempt that was told to stop. */
export function interruptedReport(reason: AbortReason): Pick<ExecutionReport, "status" | "failure"> {
  switch (reason) {
    case "timeout":
      return { status: "timed_out", failure: { class: "timeout", message: "stopped at its time limit" } };
    case "cancelled":
      return { status: "cancelled", failure: { class: "cancelled", message: "stopped because it was cancelled" } };
    case "shutdown":
      return { status: "cancelled", failure: { class: "cancelled", message: "stopped because the worker stops" } };
    case "preempted":
      return { status: "cancelled", failure: { class: "cancelled", message: "stopped to make room for other work" } };
    default:
      return assertNever(reason);
  }
}

/** Whether a failure cut an attempt short: a test that said no, and one that could not be set up, came to their own end. */
export function cutShort({ class: kind }: Failure): boolean {
  return kind !== "assertion" && kind !== "setup";
}
