import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import pino from "pino";
import { createClient } from "../src/client/index.ts";
import { WATCH_DEFAULTS, startCoordinator } from "../src/coordinator/index.ts";
import { quantile } from "../src/stats/index.ts";
import { startChild, stopChild } from "./child.ts";
import { startDask } from "./dask.ts";
import { noopTasks } from "./noop-tasks.ts";
import { startRedis } from "./redis.ts";
import { report } from "./report.ts";

/**
 * No-op tasks a second, from submission to the last accepted result: Assay with every result durable (fsync) and projected
 * to DuckDB, and BullMQ on Redis without persistence. Both have 100 workers in a process of their own. Dask, which keeps
 * everything in memory, has its scheduler and workers in processes of their own too. Rounds alternate.
 */
const WORKERS = 100;
const CREDITS = 32;
const ASSAY_TASKS = 60_000;
const BULLMQ_JOBS = 60_000;
const DASK_TASKS = 30_000;
/** Before the clock starts: what is compiled on the way should be. */
const WARM_UP = 10_000;
/** After this long Dask's rate is that of the tasks which are done. */
const DASK_LIMIT_SECONDS = 45;
/** Tasks or jobs are handed over in portions of this size, all at once. */
const PORTION = 1_000;
const ROUNDS = 3;

async function assayRate(): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), "assay-bench-"));
  const logger = pino({ level: "error" });
  const coordinator = await startCoordinator({
    dataDir,
    host: "127.0.0.1",
    port: 0,
    ...WATCH_DEFAULTS,
    logger,
  });
  const workers = await startChild("./load-workers.ts", [
    coordinator.url,
    coordinator.adminToken,
    String(WORKERS),
    String(CREDITS),
  ]);
  try {
    const client = createClient({ baseUrl: coordinator.url, token: coordinator.adminToken });
    await submit(client, WARM_UP, "warm-up");
    const startMs = performance.now();
    await submit(client, ASSAY_TASKS, "bench");
    // The clock runs until the rows are there.
    const { rows } = await client.sql("select count(*) from results", 1);
    const seconds = (performance.now() - startMs) / 1000;
    if (Number(rows[0]?.[0]) !== ASSAY_TASKS + WARM_UP) throw new Error(`DuckDB holds ${JSON.stringify(rows)} results`);
    return ASSAY_TASKS / seconds;
  } finally {
    await stopChild(workers);
    await coordinator.stop();
    await rm(dataDir, { recursive: true });
  }
}

/** Submits no-op tasks in portions, as the peer gets them, and waits until all runs are over. */
async function submit(client: ReturnType<typeof createClient>, count: number, name: string): Promise<void> {
  const portions = Array.from({ length: Math.ceil(count / PORTION) }, (_, portion) => portion * PORTION);
  const runs = await Promise.all(
    portions.map(async (start) => {
      const size = Math.min(PORTION, count - start);
      const tasks = noopTasks(size, start);
      return (await client.submitRun({ name, tasks }, { idempotencyKey: `${name}-${start}` })).run_id;
    }),
  );
  for (const runId of runs) {
    const run = await client.waitForRun(runId);
    if (run.state !== "completed") throw new Error(`run ${name} ended ${run.state}`);
  }
}

async function bullmqRate(port: number): Promise<number> {
  const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
  const name = "bench";
  const workers = await startChild("./bullmq-workers.ts", [String(port), name, String(WORKERS), String(CREDITS)]);
  const queue = new Queue(name, { connection });
  try {
    await runJobs(queue, WARM_UP);
    const startMs = performance.now();
    await runJobs(queue, BULLMQ_JOBS);
    return BULLMQ_JOBS / ((performance.now() - startMs) / 1000);
  } finally {
    await stopChild(workers);
    await queue.close();
  }
}

/** Its event stream is cut at 10,000 entries, so the end is an empty queue, looked for often enough not to matter. */
async function runJobs(queue: Queue, count: number): Promise<void> {
  const portions = Array.from({ length: Math.ceil(count / PORTION) }, (_, portion) => portion * PORTION);
  await Promise.all(
    portions.map((start) => {
      const size = Math.min(PORTION, count - start);
      return queue.addBulk(
        Array.from({ length: size }, (_, index) => ({ name: "noop", data: { index: start + index } })),
      );
    }),
  );
  for (;;) {
    const { waiting = 0, active = 0, delayed = 0, prioritized = 0 } = await queue.getJobCounts();
    if (waiting + active + delayed + prioritized === 0) return;
    await delay(20);
  }
}

/** Null where Dask is not to be had. */
async function daskRate(): Promise<number | null> {
  const peer = await startDask();
  if (!peer) return null;
  try {
    await peer.tasksPerSecond(2_000, DASK_LIMIT_SECONDS);
    return await peer.tasksPerSecond(DASK_TASKS, DASK_LIMIT_SECONDS);
  } finally {
    await peer.stop();
  }
}

const redis = await startRedis();
const assay: number[] = [];
const bullmq: number[] = [];
const dask: number[] = [];
let daskIsThere = true;
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    assay.push(await assayRate());
    if (redis) bullmq.push(await bullmqRate(redis.port));
    const rate: number | null = daskIsThere ? await daskRate() : null;
    daskIsThere = rate !== null;
    if (rate !== null) dask.push(rate);
    const [ours, bulls, dasks] = [assay, bullmq, dask].map((rates) => Math.round(rates[round] ?? 0));
    console.log(`round ${round + 1}: assay ${ours}/s, bullmq ${bulls}/s, dask ${dasks}/s`);
  }
} finally {
  await redis?.stop();
}
const figures: Record<string, number> = { assay_tasks_per_second: Math.round(quantile(assay, 0.5)) };
if (redis) {
  figures["bullmq_tasks_per_second"] = Math.round(quantile(bullmq, 0.5));
  figures["ratio_bullmq"] = Math.round((quantile(assay, 0.5) / quantile(bullmq, 0.5)) * 100) / 100;
}
if (dask.length > 0) {
  figures["dask_tasks_per_second"] = Math.round(quantile(dask, 0.5));
  figures["ratio_dask"] = Math.round((quantile(assay, 0.5) / quantile(dask, 0.5)) * 100) / 100;
}
report("dispatch", figures);
