import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { WorkerId } from "../base/index.ts";
import { asWorkerId } from "../base/index.ts";
import { identifier } from "../contracts/index.ts";
import { readJson, writeDurably } from "./durable-file.ts";

const identityFile = z.strictObject({ worker_id: identifier });

/** Who the worker in this data folder is: made once, kept over restarts. The folder must be locked. */
export async function loadIdentity(folder: string): Promise<WorkerId> {
  const path = join(folder, "worker.json");
  const known = identityFile.safeParse(await readJson(path));
  if (known.success) return asWorkerId(known.data.worker_id);
  // Absent, or damaged by hand: what an older identity still owed, its coordinator gives to others.
  const workerId = asWorkerId(`worker-${randomUUID()}`);
  await writeDurably(path, `${JSON.stringify({ worker_id: workerId })}\n`);
  return workerId;
}
