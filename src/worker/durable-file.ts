import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "../base/index.ts";

/** Replaces a file in one step: a crash or a power failure leaves the old content or the new one. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes names in a folder last over a power failure, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path);
    await folder.sync();
  } catch {
    // Not every system opens folders; the names then last when it gets round to them.
  }
}

/** The content as JSON; undefined when the file is not there or is damaged. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
