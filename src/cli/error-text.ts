import { AssayError, errorCode, errorMessage } from "../base/index.ts";
import { assayError, errorCatalogue } from "../contracts/index.ts";
import { harmless, harmlessLines, paint } from "./style.ts";
import type { Style } from "./style.ts";

/** More than this nobody corrects at once. */
const MAX_OTHERS = 8;
const MAX_DETAIL = 10;

/** Where an error lies in the user's input; all of it optional. */
interface ErrorPlace {
  path?: string;
  file?: string;
  line?: number;
  column?: number;
}

/** An error as one object for `--json`. */
export interface ErrorDocument extends ErrorPlace {
  code: string;
  message: string;
  next: string;
  others?: ({ message: string } & ErrorPlace)[];
}

/** Whatever was thrown, as an error of the catalogue. */
export function asAssayError(error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  const code = errorCode(error);
  if (code === "ENOSPC") return assayError("disk_full", errorMessage(error), { cause: error });
  if (code === "EROFS") return assayError("data_dir_read_only", errorMessage(error), { cause: error });
  const next = `${errorCatalogue.internal.next} ASSAY_DEBUG=1 shows where it happened.`;
  return assayError("internal", errorMessage(error), { next, cause: error });
}

export function errorDocument(error: AssayError): ErrorDocument {
  const { others } = error.details;
  return {
    code: error.code,
    message: error.message,
    next: error.next,
    ...placeOf(error.details),
    ...(Array.isArray(others) && others.length > 0 ? { others: others.map(otherDocument) } : {}),
  };
}

function otherDocument(other: unknown): { message: string } & ErrorPlace {
  const fields = typeof other === "object" && other !== null ? { ...other } : {};
  return { message: "message" in fields ? String(fields.message) : "", ...placeOf(fields) };
}

function placeOf(details: Readonly<Record<string, unknown>>): ErrorPlace {
  const { path, file, line, column } = details;
  return {
    ...(typeof path === "string" ? { path } : {}),
    ...(typeof file === "string" ? { file } : {}),
    ...(typeof line === "number" ? { line } : {}),
    ...(typeof column === "number" ? { column } : {}),
  };
}

/** An error for people: what, where, what next. With `debug` also the stack. */
export function errorLines(error: AssayError, options: { style: Style; debug: boolean }): string[] {
  const { style } = options;
  const document = errorDocument(error);
  const others = document.others ?? [];
  const shown = others.slice(0, MAX_OTHERS);
  const place = placeText(document);
  const [message = "", ...detail] = harmlessLines(document.message);
  return [
    `${paint(style, "red", `error ${document.code}:`)} ${message}`,
    ...detail.slice(0, MAX_DETAIL).map((line) => `  ${line.trim()}`),
    ...(place === "" ? [] : [`  at ${place}`]),
    ...shown.map(
      (other) => `  also${other.line === undefined ? "" : ` line ${other.line}`}: ${harmless(other.message)}`,
    ),
    ...(others.length > shown.length ? [`  and ${others.length - shown.length} more`] : []),
    `  next: ${document.next}`,
    ...(options.debug ? stackLines(error) : []),
  ];
}

/** `file:line:column`; the path inside a document is named by the message. Without a file the path itself. */
function placeText({ file, line, column, path }: ErrorPlace): string {
  if (file === undefined) return path ?? "";
  return line === undefined ? file : `${file}:${line}:${column ?? 1}`;
}

function stackLines(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").slice(1);
  return error.cause instanceof Error ? [...lines, `caused by ${error.cause.stack ?? error.cause.message}`] : lines;
}
