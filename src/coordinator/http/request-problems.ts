import type { core } from "zod";
import type { AssayError } from "../../base/index.ts";
import { assayError, faultsFromIssues } from "../../contracts/index.ts";

/** Problems named in one message; the rest are counted. */
const MAX_NAMED = 20;

/** What a schema found wrong as one error: its code and path are those of the first problem, its message names them all. */
export function requestError(issues: readonly core.$ZodIssue[]): AssayError {
  const faults = faultsFromIssues(issues, "request");
  const named = faults.slice(0, MAX_NAMED).map(({ message }) => message);
  const more = faults.length > MAX_NAMED ? [`and ${faults.length - MAX_NAMED} more`] : [];
  return assayError(faults[0]?.code ?? "invalid_field", [...named, ...more].join("; "), {
    path: faults[0]?.path ?? "",
  });
}
