import { readdir, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import { Site, until, untilTold, workersReady } from "./support/assay-process.ts";
import { SmallDisk } from "./support/small-disk.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";

/** Long enough for a worker that is cut off to keep its attempts. */
const TIMES = ["--worker-timeout", "120", "--reconnect-grace", "120", "--heartbeat-interval", "1"];

/** Tasks that write an artifact of their own once `go` is there, and then tell so with a file. */
const slow = (site: Site, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    task_id: `t${index}`,
    type: "command" as const,
    config: {
      command: [
        `touch "${site.path(`begun-${index}`)}"`,
        site.waitFor("go"),
        `echo "output ${index}"; echo "kept ${index}" > kept.txt; touch "${site.path(`ended-${index}`)}"`,
      ].join("; "),
      artifacts: ["kept.txt"],
    },
  }));

/** The runs completed, each task has one result of one attempt, with its output and its file, and the replay agrees. */
async function expectOnce(client: Client, runId: string, tasks: number): Promise<void> {
  expect((await client.waitForRun(runId)).state).toBe("completed");
  const { rows } = await client.sql(
    "select count(*), count(distinct task_id), max(attempt), count(*) filter (where status = 'completed') from results",
    1,
  );
  expect(rows[0]?.map(Number)).toEqual([tasks, tasks, 1, tasks]);
  const names: string[] = [];
  for await (const { task_id: id, name, sha256 } of client.artifacts({ run_id: runId })) {
    names.push(`${id} ${name}`);
    const what = name === "kept.txt" ? "kept" : "output";
    expect(Buffer.from(await client.artifactContent(sha256)).toString()).toBe(`${what} ${id.slice(1)}\n`);
  }
  const expected = Array.from({ length: tasks }, (_, index) => [`t${index} kept.txt`, `t${index} stdout.log`]).flat();
  expect(names.toSorted()).toEqual(expect.arrayContaining(expected));
  expect(await client.stateHash()).toMatchObject({ equal: true });
}

/** How many artifacts wait in the worker's folder. */
async function waiting(site: Site): Promise<number> {
  const names = await readdir(site.path("w/workers/w/spool"));
  return names.filter((name) => !name.endsWith(".new")).length;
}

/** How many results wait there. */
function stored(site: Site): number {
  const database = new DatabaseSync(site.path("w/workers/w/outbox.sqlite"), { readOnly: true });
  try {
    return Number(database.prepare("select count(*) as count from results").get()?.["count"]);
  } finally {
    database.close();
  }
}

test("tasks end while the worker is cut off and the coordinator is started anew: each has one accepted result", async () => {
  await using site = await Site.open();
  const first = await site.coordinator(0, ...TIMES);
  await using proxy = await TcpProxy.open(Number(new URL(first.url).port));
  site.worker("w", { url: proxy.url, token: first.token }, "--slots", "2");
  const { client } = first;
  await workersReady(client, 1);
  const { run_id: runId } = await client.submitRun({ name: "cut", tasks: slow(site, 2) });
  await Promise.all([site.fileExists("begun-0"), site.fileExists("begun-1")]);
  proxy.refuse(true);
  await writeFile(site.path("go"), "");
  // Two files each, which nobody takes.
  await until("the artifacts wait on disk", async () => (await waiting(site)) >= 4);
  await first.process.stop("SIGKILL");
  await site.coordinator(Number(new URL(first.url).port), ...TIMES);
  proxy.refuse(false);
  await expectOnce(client, runId, 2);
  await until("nothing waits any more", async () => (await waiting(site)) === 0);
});

test("results and artifacts that were not delivered outlive kill -9 of the worker, and are delivered once", async () => {
  await using site = await Site.open();
  const { url, token, client } = await site.coordinator(0, ...TIMES);
  await using proxy = await TcpProxy.open(Number(new URL(url).port));
  const link = { url: proxy.url, token };
  const worker = site.worker("w", link, "--slots", "2");
  await workersReady(client, 1);
  const { run_id: runId } = await client.submitRun({ name: "killed", tasks: slow(site, 2) });
  await Promise.all([site.fileExists("begun-0"), site.fileExists("begun-1")]);
  proxy.refuse(true);
  await writeFile(site.path("go"), "");
  await until("the artifacts wait on disk", async () => (await waiting(site)) >= 4);
  await until("the results wait on disk", () => stored(site) === 2);
  await worker.stop("SIGKILL");
  site.worker("w", link, "--slots", "2");
  proxy.refuse(false);
  await expectOnce(client, runId, 2);
});

test("a full disk under the worker: what runs ends, nothing accepted is lost, and it says why it takes nothing", async (context) => {
  await using site = await Site.open();
  using disk = await SmallDisk.mount(site.path("w"), "64m");
  if (disk.problem !== null) return context.skip(disk.problem);
  const link = await site.coordinator(0, ...TIMES);
  const { client } = link;
  const worker = site.worker("w", link, "--slots", "2");
  await workersReady(client, 1);
  const config = { command: `touch "${site.path("begun")}"; ${site.waitFor("go")}` };
  const task = { type: "command" as const, config };
  const { run_id: runId } = await client.submitRun({ name: "full", tasks: [{ ...task, task_id: "running" }] });
  await site.fileExists("begun");
  disk.fill();
  await untilTold(client, /^worker_registered .*(disk of the data folder|data folder cannot be written)/);
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  const late = await client.submitRun({ name: "late", wait_for_capacity: true, tasks: [{ ...task, task_id: "late" }] });
  expect((await client.task(late.run_id, "late")).status).toBe("queued");
  await disk.makeRoom();
  expect((await client.waitForRun(late.run_id)).state).toBe("completed");
  expect(await client.stateHash()).toMatchObject({ equal: true });
  await worker.stop("SIGTERM");
});
