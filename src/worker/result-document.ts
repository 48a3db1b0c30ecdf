import { errorMessage } from "../base/index.ts";
import type { WorkerId } from "../base/index.ts";
import { faultsFromIssues, resultDocument } from "../contracts/index.ts";
import type { Artifact, AssignItem, Failure, ResultDocument } from "../contracts/index.ts";
import type { ExecutionReport } from "../executors/index.ts";

/** Programs can say more about their failure than a result has room for. */
const MAX_MESSAGE_LENGTH = 16_384;

/** What the worker itself knows about an attempt. */
export interface AttemptFacts {
  item: AssignItem;
  workerId: WorkerId;
  executionSeconds: number;
  artifacts: Artifact[];
}

/** The result as the coordinator takes it. A report that no coordinator would take becomes a failure that says so. */
export function makeResult(report: ExecutionReport, facts: AttemptFacts): ResultDocument {
  const problem =
    report.status === "failed" && report.failure === undefined ? "a failed attempt needs a failure" : undefined;
  if (problem !== undefined) return invalid(problem, facts);
  const document = assemble(report, facts);
  try {
    const checked = resultDocument.safeParse(document);
    if (checked.success) return document;
    const [first] = faultsFromIssues(checked.error.issues, "result");
    return invalid(first?.message ?? "the result does not match its schema", facts);
  } catch (error) {
    // Nested so deep that the check itself runs out of stack.
    return invalid(errorMessage(error), facts);
  }
}

/** A result that holds nothing but a failure. */
export function failedResult(failure: Failure, facts: AttemptFacts): ResultDocument {
  return assemble({ status: "failed", failure }, { ...facts, artifacts: [] });
}

function invalid(problem: string, facts: AttemptFacts): ResultDocument {
  const message = `the executor's report is not valid: ${problem}`.slice(0, 2_000);
  return failedResult({ class: "crash", reason: "invalid_result", message }, facts);
}

function assemble(
  report: ExecutionReport,
  { item, workerId, executionSeconds, artifacts }: AttemptFacts,
): ResultDocument {
  const { failure, provenance, hardware, outputTail } = report;
  return {
    task_id: item.spec.task_id,
    worker_id: workerId,
    status: report.status,
    execution_time_seconds: executionSeconds,
    hardware_metrics: report.hardwareMetrics ?? {},
    results: report.results ?? {},
    simulation_status: { is_simulated: provenance !== undefined && provenance.kind !== "real" },
    ...(outputTail === undefined || outputTail.length === 0 ? {} : { logs: base64(outputTail) }),
    ...(hardware === undefined ? {} : { hardware }),
    ...(report.exitCode === undefined ? {} : { exit_code: report.exitCode }),
    ...(report.signal === undefined ? {} : { signal: report.signal }),
    ...(failure === undefined
      ? {}
      : { failure: { ...failure, message: failure.message.slice(0, MAX_MESSAGE_LENGTH) } }),
    recovery: report.recovery ?? [],
    metrics: report.metrics ?? [],
    artifacts,
    ...(provenance === undefined ? {} : { provenance }),
    ...(report.tests === undefined ? {} : { tests: report.tests }),
    ...(report.isolation === undefined ? {} : { isolation: report.isolation }),
    ...(report.partial === undefined ? {} : { partial: report.partial }),
  };
}

/** Without what only Node has: tabs make results, too. */
function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCodePoint(byte)).join(""));
}
