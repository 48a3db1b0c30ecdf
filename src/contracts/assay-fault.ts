import { AssayError } from "../base/index.ts";
import { errorCatalogue } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

/** An error of the catalogue as a plain value: what REST answers and rejected commands carry. */
export interface Fault {
  code: ErrorCode;
  message: string;
  next: string;
  /** Where in the input, e.g. `tasks[2].config.batch_sizes`. */
  path?: string;
}

/** Makes a fault; the next step is the catalogue's unless a better one is known. */
export function fault(code: ErrorCode, message: string, more: { next?: string; path?: string } = {}): Fault {
  return {
    code,
    message,
    next: more.next ?? errorCatalogue[code].next,
    ...(more.path === undefined ? {} : { path: more.path }),
  };
}

/** The same as something to throw. */
export function assayError(
  code: ErrorCode,
  message: string,
  more: { next?: string; path?: string; cause?: unknown } = {},
): AssayError {
  return new AssayError(code, {
    message,
    next: more.next ?? errorCatalogue[code].next,
    cause: more.cause,
    ...(more.path === undefined ? {} : { details: { path: more.path } }),
  });
}

/** Throws a fault. */
export function faultError(value: Fault): AssayError {
  return assayError(value.code, value.message, value);
}
