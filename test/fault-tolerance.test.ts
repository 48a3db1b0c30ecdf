import { readFile, rm, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import { Site, assay, eventually, until, workersReady } from "./support/assay-process.ts";

/** Command tasks that wait for a file, so that the test decides when they end, and a model task. */
async function writeSuite(site: Site): Promise<string> {
  const held = Array.from({ length: 6 }, (_, index) => ({
    task_id: `held-${index}`,
    type: "command",
    config: { command: `echo "held $ASSAY_ATTEMPT"; ${site.waitFor("go")}` },
  }));
  const suite = {
    name: "survivors",
    tasks: [
      ...held,
      { task_id: "after", type: "command", config: { command: "echo done" }, depends_on: ["held-0", "held-1"] },
      {
        task_id: "bert",
        type: "model",
        requirements: { hardware: ["cpu"] },
        config: { model: "tiny-bert", batch_sizes: [1, 4] },
      },
    ],
  };
  const path = site.path("suite.json");
  await writeFile(path, JSON.stringify(suite));
  return path;
}

async function runningOn(client: Client, workerName: string): Promise<string[]> {
  const { rows } = await client.sql(
    `select h.task_id from task_execution_history h join worker_nodes w using (worker_id) where h.status = 'running' and w.name = '${workerName}'`,
    100,
  );
  return rows.map(([id]) => (typeof id === "string" ? id : ""));
}

/** Every task has exactly one accepted result, and the journal replays to the live state. */
async function expectNothingLost(client: Client, tasks: number): Promise<void> {
  const { rows } = await client.sql(
    "select count(*), count(distinct task_id), count(*) filter (where status = 'completed') from results",
    1,
  );
  expect(rows[0]?.map(Number)).toEqual([tasks, tasks, tasks]);
  expect(await client.stateHash()).toMatchObject({ equal: true });
}

test("a worker killed in the middle: the run completes, each task has one result, and both attempts are on record", async () => {
  await using site = await Site.open();
  const link = await site.coordinator(0, "--worker-timeout", "3", "--heartbeat-interval", "1");
  const { client, flags } = link;
  const doomed = site.worker("doomed", link);
  site.worker("survivor", link);
  await workersReady(client, 2);
  const run = site.start(["run", await writeSuite(site), ...flags, "--json"]);
  const [victim] = await eventually("an attempt on the doomed worker", async () => {
    const found = await runningOn(client, "doomed");
    return found.some((id) => id.startsWith("held")) ? found.filter((id) => id.startsWith("held")) : undefined;
  });
  await doomed.stop("SIGKILL");
  await until("the loss", async () => (await client.status()).workers.lost === 1);
  await writeFile(site.path("go"), "");
  const { code, stdout, stderr } = await run.ended;
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ run: { state: "completed" } });
  await expectNothingLost(client, 8);
  const sql = await assay(
    "sql",
    ...flags,
    "--json",
    `select attempt, status from task_execution_history where task_id = '${victim}' order by attempt`,
  );
  expect(JSON.parse(sql.stdout).rows).toEqual([
    [1, "lost"],
    [2, "succeeded"],
  ]);
});

test("a coordinator killed in the middle: the run completes after its restart, nothing is lost or doubled, the replay agrees", async () => {
  await using site = await Site.open();
  const first = await site.coordinator();
  const { url, token, client, flags } = first;
  site.worker("w1", first);
  site.worker("w2", first);
  await workersReady(client, 2);
  const suite = await writeSuite(site);
  const submitted = await assay("run", suite, ...flags, "--detach", "--json");
  expect(submitted.code, submitted.stderr).toBe(0);
  const runId = (JSON.parse(submitted.stdout) as { run_id: string }).run_id;
  await until(
    "attempts on both workers",
    async () => (await runningOn(client, "w1")).length > 0 && (await runningOn(client, "w2")).length > 0,
  );
  const { rows: before } = await client.sql(
    "select task_id, attempt, worker_id from task_execution_history where status = 'running' order by 1",
    100,
  );
  await first.process.stop("SIGKILL");
  // Tasks end while nobody listens: their results wait on the workers.
  await writeFile(site.path("go"), "");
  const second = await site.coordinator(Number(new URL(url).port));
  expect(second.token).toBe(token);
  const run = await client.waitForRun(runId);
  expect(run.state).toBe("completed");
  await expectNothingLost(client, 8);
  const { rows: attempts } = await client.sql(
    "select task_id, attempt, worker_id from task_execution_history where status = 'succeeded'",
    100,
  );
  for (const attempt of before) expect(attempts).toContainEqual(attempt);
  const verified = await assay("verify", ...flags, "--json");
  expect(JSON.parse(verified.stdout)).toMatchObject({ equal: true });
  const stopped = await second.process.stop("SIGTERM");
  expect(stopped.code).toBe(0);
  const offline = await assay("verify", "--data-dir", site.path("data"), "--json");
  expect(offline.code).toBe(0);
  const rows = "select run_id, task_id, attempt, worker_id, status from task_execution_history order by id";
  const stored = await assay("sql", "--data-dir", site.path("data"), "--json", rows);
  await rm(site.path("data/results.duckdb"));
  expect(await assay("rebuild", "--data-dir", site.path("data"), "--json")).toMatchObject({ code: 0 });
  const rebuilt = await assay("sql", "--data-dir", site.path("data"), "--json", rows);
  expect(JSON.parse(rebuilt.stdout)).toEqual(JSON.parse(stored.stdout));
  expect(await readFile(site.path("data/admin.token"), "utf8")).toContain(token);
});
