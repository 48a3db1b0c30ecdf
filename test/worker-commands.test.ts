import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import { MAIN, Site, all, assay, heldTask, until, untilTold, workersReady } from "./support/assay-process.ts";
import type { Output, RunningCoordinator } from "./support/assay-process.ts";

interface Stage {
  site: Site;
  client: Client;
  link: RunningCoordinator;
}

async function openStage(): Promise<Stage & AsyncDisposable> {
  const site = await Site.open();
  const link = await site.coordinator(0, "--worker-timeout", "5", "--heartbeat-interval", "1");
  return { site, client: link.client, link, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

/** Runs `assay worker <action> w …` and gives the command as it came out. */
async function order({ link }: Stage, ...args: string[]): Promise<Output & { command: Record<string, unknown> }> {
  const output = await assay("worker", ...args, ...link.flags, "--json");
  const { command } = JSON.parse(output.stdout) as { command: Record<string, unknown> };
  return { ...output, command };
}

test("drain and stop: what runs may end, or is handed back at the deadline; the answers are on record", async () => {
  await using stage = await openStage();
  const { site, client, link } = stage;
  const worker = site.worker("w", link, "--slots", "1");
  await workersReady(client, 1);
  const { run_id: runId } = await client.submitRun({
    name: "held",
    wait_for_capacity: true,
    tasks: [heldTask(site, "a")],
  });
  await until("it runs", async () => (await client.status()).tasks.running === 1);

  const drained = await order(stage, "drain", "w", "--deadline", "300ms", "--reason", "new disks", "--wait");
  expect(drained.command).toMatchObject({ action: "drain", state: "done", deadline_seconds: 0.3 });
  expect(drained.command["message"]).toMatch(/1 running attempts were given up/);
  // It is connected still and takes nothing; the task waits for another worker, and nothing counts against it.
  expect((await client.status()).workers.draining).toBe(1);
  expect(await client.task(runId, "a")).toMatchObject({ status: "queued", attempts: 1 });

  const stopped = await order(stage, "stop", "w", "--wait");
  expect(stopped.command).toMatchObject({ action: "stop", state: "done" });
  expect(await worker.ended).toMatchObject({ code: 0 });
  site.worker("other", link);
  await writeFile(site.path("go"), "");
  expect((await client.waitForRun(runId)).state).toBe("completed");
  const { requested_by: by } = drained.command;
  await untilTold(client, `worker_commanded drain, asked by ${String(by)}: new disks`, "worker_answered stop done");
});

test("a worker that nobody would start anew refuses to restart and goes on working", async () => {
  await using stage = await openStage();
  const { site, client, link } = stage;
  site.worker("w", link);
  await workersReady(client, 1);
  const refused = await order(stage, "restart", "w", "--wait");
  expect(refused.code).toBe(3);
  expect(refused.command).toMatchObject({ state: "failed", message: expect.stringContaining("--supervise") });
  const task = { task_id: "a", type: "command" as const, config: { command: "true" } };
  const { run_id: runId } = await client.submitRun({ name: "after", tasks: [task] });
  expect((await client.waitForRun(runId)).state).toBe("completed");
});

test("restart: a supervised worker is started anew, by a command and after a crash; the same command id is done once", async () => {
  await using stage = await openStage();
  const { site, client, link } = stage;
  const supervisor = site.worker("w", link, "--supervise", "--slots", "1");
  await workersReady(client, 1);
  const restarted = await order(stage, "restart", "w", "--wait");
  expect(restarted.command, supervisor.stderr).toMatchObject({
    state: "done",
    message: "the worker was started anew",
  });
  const before = String(restarted.command["worker_id"]);
  const request = { command_id: String(restarted.command["command_id"]), action: "restart" as const };
  expect(await client.commandWorker(before, request)).toMatchObject({ state: "done" });
  expect(await client.workerCommands(before)).toHaveLength(1);
  await workersReady(client, 1);

  const once = site.path("once");
  const command = `[ -e "${once}" ] || { touch "${once}"; kill -9 $PPID; sleep 100; }`;
  const tasks = [{ task_id: "a", type: "command" as const, config: { command } }];
  const { run_id: runId } = await client.submitRun({ name: "crash", tasks });
  expect((await client.waitForRun(runId)).state).toBe("completed");
  expect((await all(client.workers())).map(({ worker_id: id }) => id)).toEqual([before]);
  await untilTold(
    client,
    "worker_registered w: restarted as asked",
    "worker_registered w: started anew: it was ended by SIGKILL",
  );
  expect((await supervisor.stop("SIGTERM")).code).toBe(0);
});

/** A version of Assay: a package whose program is the real one, or one that does not work. */
async function makeVersion(
  folder: string,
  version: string,
  program = `await import(${JSON.stringify(MAIN)});`,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const manifest = { name: "assay-double", version, type: "module", bin: { assay: "assay.mjs" } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "assay.mjs"), program);
}

test("update: to a folder, to a package, and back from versions that crash, hang or are not there", async () => {
  await using stage = await openStage();
  const { site, client, link } = stage;
  const source = site.path("releases");
  await makeVersion(join(source, "0.2.0"), "0.2.0");
  await makeVersion(join(source, "0.3.0"), "0.3.0", "process.exit(1);");
  await makeVersion(join(source, "0.4.0"), "0.4.0", "setInterval(() => undefined, 1000);");
  await makeVersion(site.path("packed"), "0.5.0");
  execFileSync("npm", ["pack", "--silent", "--pack-destination", source], { cwd: site.path("packed") });
  const options = ["--supervise", "--update-from", source, "--update-timeout", "60s"];
  const supervisor = site.worker("w", link, ...options);
  await workersReady(client, 1);
  const update = async (version: string): Promise<Record<string, unknown>> => {
    const { command } = await order(stage, "update", "w", version, "--wait");
    await workersReady(client, 1);
    return { state: command["state"], message: command["message"] };
  };
  expect(await update("0.2.0"), supervisor.stderr).toEqual({ state: "done", message: "0.2.0 runs" });
  expect(await update("0.3.0")).toEqual({
    state: "failed",
    message: "version 0.3.0 was given up: it ended with exit code 1; back at 0.2.0",
  });
  expect(await update("0.4.0")).toEqual({
    state: "failed",
    message: "version 0.4.0 was given up: it did not connect within 60 s; back at 0.2.0",
  });
  expect(await update("0.9.9")).toMatchObject({ state: "failed", message: expect.stringContaining("neither 0.9.9/") });
  expect(await update("0.5.0")).toEqual({ state: "done", message: "0.5.0 runs" });
  expect(await update("0.5.0")).toEqual({ state: "done", message: "0.5.0 runs" });
  const state = await readFile(join(site.path("w"), "workers", "w", "versions", "state.json"), "utf8");
  expect(JSON.parse(state)).toMatchObject({ good: { version: "0.5.0" } });
  const task = { task_id: "a", type: "command" as const, config: { command: "true" } };
  const { run_id: runId } = await client.submitRun({ name: "after", tasks: [task] });
  expect((await client.waitForRun(runId)).state).toBe("completed");
}, 600_000);
