import type { ErrorCode } from "../../contracts/index.ts";

/** HTTP status of each error that REST can answer with; 500 for the rest. */
const statuses: Partial<Record<ErrorCode, number>> = {
  bad_request: 400,
  unknown_field: 400,
  invalid_field: 400,
  bad_query: 400,
  bad_blob_batch: 400,
  bad_series: 400,
  unauthenticated: 401,
  token_expired: 401,
  token_revoked: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  suite_too_large: 413,
  blob_too_large: 413,
  duplicate_task_id: 422,
  missing_dependency: 422,
  cyclic_dependency: 422,
  impossible_requirement: 422,
  too_many_tasks: 422,
  unknown_template: 422,
  template_cycle: 422,
  blob_mismatch: 422,
  rate_limited: 429,
  dependency_missing: 501,
  not_leader: 503,
  shutting_down: 503,
  journal_unavailable: 503,
  disk_full: 507,
};

export function faultStatus(code: string): number {
  return new Map<string, number>(Object.entries(statuses)).get(code) ?? 500;
}
