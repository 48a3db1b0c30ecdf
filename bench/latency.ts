import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { summarizeLatency } from "../src/stats/index.ts";
import type { LatencySummary } from "../src/stats/index.ts";
import { startCoordinatorProcess } from "./coordinator.ts";
import type { CoordinatorProcess } from "./coordinator.ts";
import { startDask } from "./dask.ts";
import { LoadGenerators } from "./load-generators.ts";
import { monotonicMs } from "./monotonic-ms.ts";
import { noopTasks } from "./noop-tasks.ts";
import { report } from "./report.ts";
import { RunEvents } from "./run-events.ts";
import type { Arrival } from "./worker-observer.ts";

/**
 * How long a task takes through an idle coordinator, from `submitRun` to the submitter's knowledge of the committed result,
 * and how long a task waits for its worker at half load. Coordinator, workers and submitter have a process each.
 */
const WARM_UP = 300;
const SAMPLES = 1_500;
const DASK_SAMPLES = 1_000;
const DASK_LIMIT_SECONDS = 60;
const LOADED_WORKERS = 100;
const CREDITS = 32;
/** Tasks of one submission under load: the API takes 1,000 requests a second, not one for each task. */
const PORTION = 100;
const SATURATED_TASKS = 30_000;
const SATURATED_SUBMITTERS = 16;
const LOADED_SECONDS = 10;
const LIMIT_MS = 120_000;

type Figures = Record<string, number>;

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Figures of a list of durations; p99 is there only when the count allows to claim it. */
function addTimes(figures: Figures, name: string, samplesMs: readonly number[]): LatencySummary {
  const summary = summarizeLatency(samplesMs);
  figures[`${name}_p50_ms`] = round(summary.p50);
  if (summary.p99 !== null) figures[`${name}_p99_ms`] = round(summary.p99);
  return summary;
}

/**
 * One task at a time. The submitter has one event stream open for the ends of runs, which the client offers and which takes no
 * request for each task; `waitForRun`, which opens a stream for each run, is measured beside it.
 */
async function idle(coordinator: CoordinatorProcess, figures: Figures): Promise<void> {
  const load = await LoadGenerators.start({
    coordinator,
    workers: 1,
    credits: CREDITS,
    processes: 1,
    settings: { keepArrivals: true },
  });
  const ends = await RunEvents.open(coordinator.client, "run_finished");
  try {
    for (let index = 0; index < WARM_UP; index += 1) await roundTrip(coordinator, ends);
    await load.report();
    const trips: Trip[] = [];
    for (let index = 0; index < SAMPLES; index += 1) trips.push(await roundTrip(coordinator, ends));
    addTrips(figures, trips, (await load.report()).arrivals);
    await addWaitForRun(coordinator, figures);
  } finally {
    await ends.close();
    await load.stop();
  }
}

/** The round trip, and its pieces: the answer comes when the submission is safe, the event when the result is. */
function addTrips(figures: Figures, trips: readonly Trip[], arrivals: readonly Arrival[]): void {
  const byRun = new Map(arrivals.map((arrival) => [arrival.runId, arrival]));
  const steps = trips.map((trip) => {
    const arrival = byRun.get(trip.runId);
    if (!arrival) throw new Error(`no worker saw run ${trip.runId}`);
    return { ...trip, arrivedMs: arrival.atMs, ackedMs: arrival.ackedMs };
  });
  const add = (name: string, value: (step: (typeof steps)[number]) => number): void =>
    void addTimes(figures, name, steps.map(value));
  add("round_trip", ({ sentMs, endMs }) => endMs - sentMs);
  add("submit_answered", ({ sentMs, answeredMs }) => answeredMs - sentMs);
  add("submit_to_worker", ({ sentMs, arrivedMs }) => arrivedMs - sentMs);
  add("worker_to_ack", ({ arrivedMs, ackedMs }) => ackedMs - arrivedMs);
  add("worker_to_event", ({ arrivedMs, endMs }) => endMs - arrivedMs);
}

interface Trip {
  runId: string;
  sentMs: number;
  answeredMs: number;
  endMs: number;
}

async function roundTrip({ client }: CoordinatorProcess, ends: RunEvents): Promise<Trip> {
  const sentMs = monotonicMs();
  const { run_id: runId } = await client.submitRun({ name: "one", tasks: noopTasks(1) });
  const answeredMs = monotonicMs();
  const end = await ends.of(runId);
  if (end.event.state !== "completed") throw new Error(`run ${runId} ended ${end.event.state}`);
  // The event may well have come before the answer: it is the later of both that the submitter waits for.
  return { runId, sentMs, answeredMs, endMs: Math.max(end.atMs, answeredMs) };
}

async function addWaitForRun({ client }: CoordinatorProcess, figures: Figures): Promise<void> {
  const samples: number[] = [];
  for (let index = 0; index < WARM_UP; index += 1) {
    const sentMs = monotonicMs();
    const { run_id: runId } = await client.submitRun({ name: "one", tasks: noopTasks(1) });
    await client.waitForRun(runId);
    samples.push(monotonicMs() - sentMs);
  }
  addTimes(figures, "wait_for_run", samples);
}

/** What a small write to this disk costs before it is safe: no result can be known sooner than after two of them. */
async function addDisk({ dataDir }: CoordinatorProcess, figures: Figures): Promise<void> {
  const file = await open(join(dataDir, "fsync-probe"), "w");
  const samples: number[] = [];
  for (let index = 0; index < WARM_UP; index += 1) {
    const startMs = performance.now();
    await file.write(Buffer.alloc(4_096, index % 256));
    await file.datasync();
    samples.push(performance.now() - startMs);
  }
  await file.close();
  addTimes(figures, "fsync", samples);
}

/** Tasks a second when there is always something to do, in the portions that the load later comes in. */
async function saturatedRate({ client }: CoordinatorProcess, load: LoadGenerators): Promise<number> {
  const before = load.acked;
  const startMs = performance.now();
  let next = 0;
  const submitter = async (): Promise<void> => {
    for (let start = next; start < SATURATED_TASKS; start = next) {
      next += PORTION;
      await client.submitRun({ name: "saturated", tasks: noopTasks(PORTION, start) });
    }
  };
  await Promise.all(Array.from({ length: SATURATED_SUBMITTERS }, submitter));
  const endMs = await load.untilAcked(before + SATURATED_TASKS, LIMIT_MS);
  if (endMs === null) throw new Error("the saturated run did not end in time");
  return (SATURATED_TASKS / (endMs - startMs)) * 1000;
}

/** Submissions at fixed times, whether or not the last one is answered: a stall is seen by all that come meanwhile. */
async function openLoop({ client }: CoordinatorProcess, tasksPerSecond: number): Promise<Map<string, number>> {
  const everyMs = (PORTION / tasksPerSecond) * 1000;
  const count = Math.floor((LOADED_SECONDS * 1000) / everyMs);
  const dueMs = new Map<string, number>();
  const startMs = monotonicMs();
  const submissions: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const due = startMs + index * everyMs;
    const waitMs = due - monotonicMs();
    if (waitMs > 0) await delay(waitMs);
    submissions.push(
      client
        .submitRun({ name: "open-loop", tasks: noopTasks(PORTION, index * PORTION) })
        .then(({ run_id: runId }) => void dueMs.set(runId, due)),
    );
  }
  await Promise.all(submissions);
  return dueMs;
}

async function halfLoad(coordinator: CoordinatorProcess, figures: Figures): Promise<void> {
  const load = await LoadGenerators.start({
    coordinator,
    workers: LOADED_WORKERS,
    credits: CREDITS,
    processes: 1,
    settings: { keepArrivals: true },
  });
  try {
    await saturatedRate(coordinator, load);
    const saturated = await saturatedRate(coordinator, load);
    await load.report();
    const { seq } = await coordinator.client.status();
    const before = load.acked;
    const dueMs = await openLoop(coordinator, saturated / 2);
    if ((await load.untilAcked(before + dueMs.size * PORTION, LIMIT_MS)) === null)
      throw new Error("the tasks of the open loop did not end in time");
    const { arrivals } = await load.report();
    // Read only now, so that watching costs nothing while it is measured.
    const accepted = await RunEvents.collect(coordinator.client, { after: seq, type: "run_submitted", runs: dueMs });
    figures["saturated_tasks_per_second"] = Math.round(saturated);
    figures["half_load_tasks"] = arrivals.length;
    const waits = arrivals.map(({ runId, wallMs }) => wallMs - (accepted.get(runId) ?? NaN));
    const { max } = addTimes(figures, "dispatch", waits);
    figures["dispatch_max_ms"] = round(max);
    addTimes(
      figures,
      "due_to_worker",
      arrivals.map(({ runId, atMs }) => atMs - (dueMs.get(runId) ?? NaN)),
    );
  } finally {
    await load.stop();
  }
}

async function dask(figures: Figures): Promise<void> {
  const peer = await startDask();
  if (!peer) return;
  try {
    await peer.roundTripsMs(WARM_UP, DASK_LIMIT_SECONDS);
    addTimes(figures, "dask", await peer.roundTripsMs(DASK_SAMPLES, DASK_LIMIT_SECONDS));
    figures["ratio_dask_p50"] = round((figures["round_trip_p50_ms"] ?? NaN) / (figures["dask_p50_ms"] ?? NaN));
  } finally {
    await peer.stop();
  }
}

const figures: Figures = {};
const coordinator = await startCoordinatorProcess();
try {
  await addDisk(coordinator, figures);
  await idle(coordinator, figures);
  console.log("idle is measured; now half load");
  await halfLoad(coordinator, figures);
} finally {
  await coordinator.stop();
}
await dask(figures);
report("latency", figures);
