import { AssayError } from "../base/index.ts";
import { errorCatalogue } from "../contracts/index.ts";
import type { ErrorCode, RunState, TaskCounts } from "../contracts/index.ts";

/** What the commands end with. When several apply, `testsFailed` wins over `infrastructure`: a definite failure needs no retry. */
export const exitCodes = {
  ok: 0,
  /** A test said no. */
  testsFailed: 1,
  /** Wrong usage, configuration or input: nothing was run. */
  usage: 2,
  /** It could not be found out: no worker, a crash, a lost coordinator, incomplete results. */
  infrastructure: 3,
  /** The tests passed, but a gate did not. */
  gate: 4,
  /** The selection holds nothing. */
  nothingMatched: 5,
  /** A supervised worker wants to be started anew. */
  restart: 75,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const { usage, infrastructure } = exitCodes;

const codeOfError: Readonly<Record<ErrorCode, ExitCode>> = {
  bad_request: usage,
  unknown_field: usage,
  invalid_field: usage,
  invalid_syntax: usage,
  invalid_encoding: usage,
  suite_too_large: usage,
  suite_not_found: usage,
  duplicate_task_id: usage,
  missing_dependency: usage,
  cyclic_dependency: usage,
  impossible_requirement: infrastructure,
  too_many_tasks: usage,
  too_few_workers: infrastructure,
  nothing_matched: exitCodes.nothingMatched,
  framework_missing: infrastructure,
  discovery_failed: usage,
  no_tests_found: exitCodes.nothingMatched,
  adoption_edited: usage,
  file_read_only: usage,
  changes_unknown: 2,
  workspace_refused: usage,
  workspace_incomplete: infrastructure,
  setup_step_failed: infrastructure,
  unknown_revision: usage,
  unknown_model: usage,
  model_file_missing: usage,
  model_unreadable: usage,
  model_unsupported: usage,
  hub_unreachable: infrastructure,
  unknown_template: usage,
  template_cycle: usage,
  template_mismatch: usage,
  bad_parameter: usage,
  unauthenticated: usage,
  token_expired: usage,
  token_revoked: usage,
  forbidden: usage,
  not_found: usage,
  conflict: usage,
  protocol_version: infrastructure,
  bad_frame: infrastructure,
  frame_too_large: infrastructure,
  out_of_order: infrastructure,
  hello_timeout: infrastructure,
  session_replaced: infrastructure,
  journal_put_back: infrastructure,
  heartbeat_timeout: infrastructure,
  slow_reader: infrastructure,
  rate_limited: infrastructure,
  not_leader: infrastructure,
  shutting_down: infrastructure,
  coordinator_unreachable: infrastructure,
  data_dir_locked: infrastructure,
  data_dir_read_only: infrastructure,
  disk_full: infrastructure,
  journal_broken: infrastructure,
  results_broken: infrastructure,
  journal_unavailable: infrastructure,
  schema_newer: infrastructure,
  blob_mismatch: infrastructure,
  blob_too_large: infrastructure,
  bad_blob_batch: infrastructure,
  bad_query: usage,
  bad_series: usage,
  port_in_use: infrastructure,
  tls_files: usage,
  dependency_missing: infrastructure,
  browser_not_started: infrastructure,
  usage,
  interrupted: exitCodes.interrupted,
  internal: infrastructure,
};

/** What a command ends with after an error. */
export function exitCodeOfError(error: unknown): ExitCode {
  return error instanceof AssayError && isErrorCode(error.code) ? codeOfError[error.code] : infrastructure;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}

/** What a command ends with after a run. */
export function exitCodeOfRun(run: { state: RunState; counts: TaskCounts }): ExitCode {
  if (run.counts.failed > 0) return exitCodes.testsFailed;
  const { completed, skipped, total } = run.counts;
  // What is skipped in a completed run was for the case that something fails.
  return run.state === "completed" && completed + skipped === total ? exitCodes.ok : infrastructure;
}
