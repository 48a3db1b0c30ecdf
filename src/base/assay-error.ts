/**
 * An error that a user can meet. `code` is stable and listed in the error catalogue of `contracts`,
 * `message` names the thing at fault, `next` says what to do about it.
 */
export class AssayError extends Error {
  readonly code: string;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    text: { message: string; next: string; cause?: unknown; details?: Readonly<Record<string, unknown>> },
  ) {
    super(text.message, text.cause === undefined ? undefined : { cause: text.cause });
    this.name = "AssayError";
    this.code = code;
    this.next = text.next;
    this.details = text.details ?? {};
  }
}

/** The `code` of an AssayError or of a Node system error (`ENOENT`…), else `undefined`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
