import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { errorCode, errorMessage } from "../base/index.ts";
import { assayError, MAX_SUITE_BYTES } from "../contracts/index.ts";

/** Reads a suite file as text; `file` is relative to `cwd`. Errors: suite_not_found, suite_too_large, invalid_encoding. */
export async function readSuiteText(file: string, cwd: string): Promise<string> {
  const bytes = await readLimited(resolve(cwd, file)).catch((error: unknown) => {
    throw assayError("suite_not_found", `${file} ${unreadable(error)}`, { cause: error });
  });
  if (bytes.byteLength > MAX_SUITE_BYTES) {
    throw assayError("suite_too_large", `${file} is larger than ${MAX_SUITE_BYTES} bytes`);
  }
  return decodeUtf8(bytes, file);
}

/** At most one byte more than a suite may have, so that a huge or endless file costs nothing. */
async function readLimited(path: string): Promise<Uint8Array> {
  await using handle = await open(path, "r");
  const buffer = new Uint8Array(MAX_SUITE_BYTES + 1);
  let length = 0;
  while (length < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, length, buffer.byteLength - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

function unreadable(error: unknown): string {
  const code = errorCode(error);
  if (code === "ENOENT") return "does not exist";
  return code === "EISDIR" ? "is a folder, not a file" : `cannot be read: ${errorMessage(error)}`;
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw assayError("invalid_encoding", `${file} is not UTF-8 text`, { cause: error });
  }
}
