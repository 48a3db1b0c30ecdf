import { AssayError } from "../base/index.ts";
import type { Fault } from "../contracts/index.ts";
import type { Place } from "./suite-source.ts";

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

function position({ path, place }: LocatedFault): Record<string, unknown> {
  return { ...(path === undefined ? {} : { path }), ...place };
}
