import { access } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../src/client/index.ts";
import { Site } from "../test/support/assay-process.ts";
import type { AssayProcess } from "../test/support/assay-process.ts";

/** How long the task of a lost worker waits until another one has it: real processes, default settings. */
const LOOK_AGAIN_MS = 10;
const LIMIT_MS = 120_000;

/** Ways to lose a worker. */
export type Loss = "SIGKILL" | "SIGSTOP";

/** Looks until there is an answer; what is looked at is cheap, so the answer comes at most this late. */
async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  for (const startMs = performance.now(); performance.now() - startMs < LIMIT_MS; await delay(LOOK_AGAIN_MS)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not happen`);
}

/** A task that says on which worker it runs and which attempt it is, and runs until `go` exists. */
function heldTask(site: Site): { task_id: string; type: "command"; config: { command: string } } {
  const mark = site.path("seen");
  const command = `touch "${mark}-$ASSAY_ATTEMPT"; ${site.waitFor("go")}`;
  return { task_id: "held", type: "command", config: { command } };
}

async function nameOfHolder(client: Client): Promise<string> {
  const sql =
    "select w.name from task_execution_history h join worker_nodes w using (worker_id) where h.status = 'running'";
  return until("a running attempt", async () => {
    const { rows } = await client.sql(sql, 1);
    const name = rows[0]?.[0];
    return typeof name === "string" ? name : undefined;
  });
}

const exists = (path: string): Promise<true | undefined> =>
  access(path).then(
    () => true as const,
    () => undefined,
  );

/** Seconds from the loss of the worker that runs a task until the task's command runs on the other one. */
export async function secondsUntilRunAgain(loss: Loss): Promise<number> {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client } = link;
  const workers = new Map<string, AssayProcess>(["a", "b"].map((name) => [name, site.worker(name, link)]));
  await until("two workers", async () => ((await client.status()).workers.ready === 2 ? true : undefined));
  await client.submitRun({ name: "held", tasks: [heldTask(site)] });
  await until("the first attempt", () => exists(site.path("seen-1")));
  const holder = workers.get(await nameOfHolder(client));
  if (!holder) throw new Error("the task runs on an unknown worker");
  const lostMs = performance.now();
  process.kill(holder.pid, loss);
  await until("the second attempt", () => exists(site.path("seen-2")));
  return (performance.now() - lostMs) / 1000;
}
