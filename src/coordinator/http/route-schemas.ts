import type { Readable } from "node:stream";
import { z } from "zod";
import { assayError, errorResponse, identifier } from "../../contracts/index.ts";

/** What every route can answer besides its own. */
export const errors = { "4xx": errorResponse, "5xx": errorResponse } as const;

/** The answer of a route that only does something. */
export const done = { 204: z.undefined().describe("Done"), ...errors } as const;

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hexadecimal");
export const runParams = z.strictObject({ run_id: identifier });
export const taskParams = z.strictObject({ run_id: identifier, task_id: identifier });

/** An answer that is a stream of bytes and not checked by a schema. */
export function streamed<Type extends string>(description: string, contentType: Type) {
  return { description, content: { [contentType]: { schema: z.custom<Readable>() } } } as const;
}

/** @throws AssayError `not_found` for null */
export function found<T>(value: T | null, what: string): T {
  if (value === null) throw assayError("not_found", `There is no ${what}`);
  return value;
}
