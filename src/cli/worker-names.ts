import type { Client } from "../client/index.ts";

/** People know workers by name; lists and the feed have their ids. */
export async function workerNames(client: Client): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const worker of client.workers()) names.set(worker.worker_id, worker.name);
  return names;
}
