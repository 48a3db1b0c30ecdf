import { assayError } from "../contracts/index.ts";
import type { Client } from "../client/index.ts";

/** People know workers by name; lists and the feed have their ids. */
export async function workerNames(client: Client): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const worker of client.workers()) names.set(worker.worker_id, worker.name);
  return names;
}

/** The id of the one worker that has this name and has not left; what is no such name is taken for an id. */
export async function workerIdOf(client: Client, idOrName: string): Promise<string> {
  const found = new Set<string>();
  for await (const worker of client.workers({ name: idOrName })) {
    if (worker.status !== "left" && worker.status !== "lost") found.add(worker.worker_id);
  }
  const [only = idOrName, other] = found;
  if (other === undefined) return only;
  throw assayError("conflict", `several workers have the name ${idOrName}: ${[...found].join(", ")}`, {
    next: "Give the id.",
  });
}
