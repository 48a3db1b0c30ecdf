import { AssayError } from "../base/index.ts";
import type { Fault } from "../contracts/index.ts";
import type { Place, SuiteSource } from "./suite-source.ts";

/** A fault and where in the file it lies. */
export interface LocatedFault extends Fault {
  place?: Place | undefined;
}

/**
 * All that is wrong with a file as one error: the first fault is the error itself; `details` has its `path`, `file`, `line`
 * and `column`, and `others` with the rest, each `{ message, path?, line?, column? }`.
 */
export function locatedError(file: string, faults: readonly [LocatedFault, ...LocatedFault[]]): AssayError {
  const [first, ...others] = faults;
  return new AssayError(first.code, {
    message: first.message,
    next: first.next,
    details: {
      file,
      ...position(first),
      ...(others.length === 0
        ? {}
        : { others: others.map((other) => ({ message: other.message, ...position(other) })) }),
    },
  });
}

/** An error that somebody else found in a suite (its `details.path` says where), with the line in the suite's file. */
export function locateError(
  error: AssayError,
  { file, placeOf }: Pick<SuiteSource, "placeOf"> & { file: string },
): AssayError {
  const { path } = error.details;
  if (typeof path !== "string") return error;
  const { code, message, next, cause } = error;
  return new AssayError(code, { message, next, cause, details: { ...error.details, file, ...placeOf(path) } });
}

function position({ path, place }: LocatedFault): Record<string, unknown> {
  return { ...(path === undefined ? {} : { path }), ...place };
}
