import { randomUUID } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { WorkerId } from "../base/index.ts";
import { asWorkerId, errorCode } from "../base/index.ts";
import { identifier } from "../contracts/index.ts";

const identityFile = z.strictObject({ worker_id: identifier });

/** Who the worker in this data folder is: made once, kept over restarts. The folder must be locked. */
export async function loadIdentity(folder: string): Promise<WorkerId> {
  const path = join(folder, "worker.json");
  const known = identityFile.safeParse(parseJson(await readText(path)));
  if (known.success) return asWorkerId(known.data.worker_id);
  // Absent, or damaged by hand: what an older identity still owed, its coordinator gives to others.
  const workerId = asWorkerId(`worker-${randomUUID()}`);
  await writeDurably(path, `${JSON.stringify({ worker_id: workerId })}\n`);
  return workerId;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In one step, so that a crash leaves the old file or the new one. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
