import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import type { FeedEvent, TaskSpecInput } from "../src/contracts/index.ts";
import { Site, all, assay, eventually, heldTask, history, until, workersReady } from "./support/assay-process.ts";

const of = (events: readonly FeedEvent[], workerId: string): string[] =>
  events.filter((event) => event.worker_id === workerId).map(({ type }) => type);

const msBetween = (from: FeedEvent | undefined, to: FeedEvent | undefined): number =>
  Date.parse(to?.time ?? "") - Date.parse(from?.time ?? "");

async function submit(client: Client, tasks: TaskSpecInput[]): Promise<string> {
  const { run_id: runId } = await client.submitRun({ name: "r", tasks }, { idempotencyKey: `k-${tasks[0]?.task_id}` });
  return runId;
}

async function workerIds(client: Client, count: number): Promise<Map<string, string>> {
  return eventually(`${count} workers`, async () => {
    const found = await all(client.workers({ status: "ready" }));
    return found.length === count ? new Map(found.map((one) => [one.name, one.worker_id])) : undefined;
  });
}

async function runningOn(client: Client): Promise<string> {
  return eventually("a running attempt", async () => {
    const [attempt] = await all(client.attempts({ status: "running" }));
    return attempt?.worker_id;
  });
}

test("a worker that is killed: its task is given to another within three seconds of the closed connection", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client } = link;
  const processes = new Map(["a", "b"].map((name) => [name, site.worker(name, link)]));
  const ids = await workerIds(client, 2);
  const runId = await submit(client, [heldTask(site, "t")]);
  const victim = await runningOn(client);
  const [name = ""] = [...ids].find(([, id]) => id === victim) ?? [];
  await processes.get(name)?.stop("SIGKILL");
  await until("another attempt", async () => (await runningOn(client)) !== victim);
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  const events = await history(client);
  const seen = events.find(({ type }) => type === "worker_suspected");
  const again = events.find(({ type, attempt }) => type === "attempt_leased" && attempt === 2);
  expect(of(events, victim)).toEqual(expect.arrayContaining(["worker_suspected", "worker_lost"]));
  // By the journal: the grace of two seconds, and no more than the turn of a timer.
  expect(msBetween(seen, again)).toBeLessThan(3_000);
});

test("a worker whose token is revoked: its session ends at its next frame, it stops, its task is given to another", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client, url, flags } = link;
  const { token, token_id: tokenId } = await client.createToken({ role: "worker", name: "lent" });
  const doomed = site.worker("doomed", { url, token });
  const ids = await workerIds(client, 1);
  const runId = await submit(client, [heldTask(site, "t")]);
  expect(await runningOn(client)).toBe(ids.get("doomed"));
  site.worker("other", link);
  await workersReady(client, 2);
  const listed = await assay("token", "list", ...flags);
  expect(listed.stdout).toMatch(new RegExp(`^${tokenId} +lent +worker `, "m"));
  expect(await assay("token", "revoke", tokenId, ...flags)).toMatchObject({ code: 0, stdout: `revoked ${tokenId}\n` });
  expect((await client.tokens()).map(({ token_id: id }) => id)).not.toContain(tokenId);
  const { code, stderr } = await doomed.ended;
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("The token lent was revoked.") });
  await until("another attempt", async () => (await runningOn(client)) !== ids.get("doomed"));
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  expect(await client.stateHash()).toMatchObject({ equal: true });
});

test("a worker that is stopped: suspected, lost, its task given to another; its late result is stale and nothing is doubled", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client } = link;
  const processes = new Map(["a", "b"].map((name) => [name, site.worker(name, link)]));
  const ids = await workerIds(client, 2);
  const runId = await submit(client, [heldTask(site, "t")]);
  const victim = await runningOn(client);
  const [name = ""] = [...ids].find(([, id]) => id === victim) ?? [];
  const stopped = processes.get(name);
  if (!stopped) throw new Error("no process");
  process.kill(stopped.pid, "SIGSTOP");
  // The command itself goes on; its result waits until its worker does.
  await until("another attempt", async () => (await runningOn(client)) !== victim);
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  process.kill(stopped.pid, "SIGCONT");
  await workersReady(client, 2);
  const answer = await eventually("an answer to the late result", () =>
    Promise.resolve(stopped.stderr.split("\n").find((line) => line.includes("a result was not needed"))),
  );
  expect(answer).toContain("stale");
  const events = await history(client);
  const types = of(events, victim);
  expect(types.indexOf("worker_suspected")).toBeLessThan(types.indexOf("worker_lost"));
  expect(types.indexOf("worker_lost")).toBeLessThan(types.lastIndexOf("worker_registered"));
  const { rows } = await client.sql("select attempt, status from task_execution_history order by attempt", 10);
  expect(rows.map(([attempt, status]) => [Number(attempt), status])).toEqual([
    [1, "lost"],
    [2, "succeeded"],
  ]);
  const results = await client.sql("select count(*) from results", 1);
  expect(results.rows.map(([count]) => Number(count))).toEqual([1]);
  expect(await client.stateHash()).toMatchObject({ equal: true });
});

test("a coordinator that is stopped for longer than its workers may be silent: no worker is lost, every attempt goes on", async () => {
  await using site = await Site.open();
  const quick = ["--heartbeat-interval", "200ms", "--worker-timeout", "1s", "--reconnect-grace", "200ms"];
  const link = await site.coordinator(0, ...quick);
  const { process: coordinator, client } = link;
  for (const name of ["a", "b"]) site.worker(name, link);
  await workerIds(client, 2);
  const runId = await submit(client, [heldTask(site, "t1"), heldTask(site, "t2")]);
  await until("two attempts", async () => {
    const attempts = await all(client.attempts({ status: "running" }));
    return attempts.length === 2;
  });
  process.kill(coordinator.pid, "SIGSTOP");
  const stoppedAtMs = performance.now();
  await until("four timeouts", () => performance.now() - stoppedAtMs > 4_000);
  process.kill(coordinator.pid, "SIGCONT");
  await workersReady(client, 2);
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  const events = await history(client);
  expect(events.map(({ type }) => type)).toContain("leader_stalled");
  expect(events.filter(({ type }) => type === "worker_lost")).toEqual([]);
  expect(events.filter(({ type }) => type === "attempt_finished").map(({ outcome }) => outcome)).toEqual([
    "succeeded",
    "succeeded",
  ]);
});

test("ten attempts in a row fail: the worker is put in quarantine, a health check passes there, and it gets work again", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client } = link;
  site.worker("only", link, "--slots", "2");
  const ids = await workerIds(client, 1);
  const workerId = ids.get("only") ?? "";
  const slow = Array.from({ length: 10 }, (_, index): TaskSpecInput => ({
    task_id: `slow-${index}`,
    type: "command",
    config: { command: "sleep 60" },
    timeout_seconds: 0.05,
    retry_policy: { max_retries: 0 },
  }));
  expect((await client.waitForRun(await submit(client, slow))).counts).toMatchObject({ error: 10 });
  const after = await submit(client, [{ task_id: "after", type: "command", config: { command: "true" } }]);
  expect((await client.waitForRun(after)).state).toBe("completed");
  const events = await history(client);
  const told = events.filter(({ type, run_id: runId }) =>
    type === "attempt_finished"
      ? runId?.startsWith("health-")
      : type === "worker_quarantined" || type === "worker_released",
  );
  expect(told.map(({ type, worker_id: id }) => [type, id])).toEqual([
    ["worker_quarantined", workerId],
    ["attempt_finished", workerId],
    ["worker_released", workerId],
  ]);
  // A health check is nobody's run.
  expect((await all(client.runs())).map(({ name }) => name)).toEqual(["r", "r"]);
  expect((await client.shares()).map(({ name }) => name)).not.toContain("assay/health");
});

test("a person puts a worker in quarantine and releases it; meanwhile the task that only it could run says why it waits", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const { client } = link;
  site.worker("only", link);
  const workerId = (await workerIds(client, 1)).get("only") ?? "";
  await client.quarantineWorker(workerId, "smells of smoke");
  const runId = await submit(client, [{ task_id: "t", type: "command", config: { command: "true" } }]);
  const { workers } = await client.explain(runId, "t");
  expect(workers[0]?.reasons).toEqual(["is in quarantine: smells of smoke"]);
  const [worker] = await all(client.workers());
  expect(worker).toMatchObject({ status: "quarantined", quarantine: { reason: "smells of smoke", by: "first-admin" } });
  await client.releaseWorker(workerId, "it was the toaster");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  expect(await client.stateHash()).toMatchObject({ equal: true });
});
