import { parseArgs } from "node:util";
import { MAX_TASKS_PER_RUN } from "../src/contracts/index.ts";
import { startCoordinatorProcess } from "./coordinator.ts";
import type { CoordinatorProcess } from "./coordinator.ts";
import { LoadGenerators } from "./load-generators.ts";
import type { LoadOptions } from "./load-generators.ts";
import { classLabels } from "./load-settings.ts";
import { noopTasks } from "./noop-tasks.ts";
import { usageOf } from "./process-usage.ts";
import { report } from "./report.ts";

/**
 * Many workers and a long queue at once, against 100 workers and one requirement class in the same run: what a coordinator in
 * a process of its own takes in memory, how many tasks a second it finishes, and whether heartbeats are answered meanwhile.
 * `--profile DIR` writes CPU profiles of the coordinator's threads there.
 */
const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "10000" },
    tasks: { type: "string", default: "1000000" },
    classes: { type: "string", default: "200" },
    credits: { type: "string", default: "8" },
    profile: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const size = {
  workers: Number(values.workers),
  tasks: Number(values.tasks),
  classes: Number(values.classes),
  credits: Number(values.credits),
};
const FEW_WORKERS = 100;
const FEW_TASKS = 100_000;
/** Each worker serves so many classes, so that classes compete for workers. */
const CLASSES_PER_WORKER = 2;
/** Sessions of one process: well below the usual limit of open files. */
const SESSIONS_PER_PROCESS = 2_500;
/** Tasks of one run: a body of 8 MiB holds no more with their requirements. */
const RUN_TASKS = Math.min(50_000, MAX_TASKS_PER_RUN);
const LIMIT_MS = 300_000;

interface Measured {
  tasksPerSecond: number;
  /** Processor time of the coordinator for a task: what the rate hides when something else keeps the machine busy. */
  cpuMicrosecondsPerTask: number;
  submitSeconds: number;
  connectSeconds: number;
  lateHeartbeats: number;
  slowestAckMs: number;
  heartbeats: number;
  closedSessions: number;
  peakGb: number;
}

type Rate = Pick<Measured, "tasksPerSecond" | "cpuMicrosecondsPerTask">;

function say(text: string): void {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

async function sayMemory(coordinator: CoordinatorProcess, when: string): Promise<void> {
  const { rssGb, peakGb } = await usageOf(coordinator.pid);
  say(`${when}: coordinator holds ${rssGb.toFixed(2)} GB, at most ${peakGb.toFixed(2)} GB`);
}

interface Draining {
  coordinator: CoordinatorProcess;
  load: LoadGenerators;
  shape: Shape;
}

interface Shape {
  name: string;
  workers: number;
  tasks: number;
  /** 0: one class without requirements. */
  classes: number;
}

/** One run after the other: a client with a long list waits for each answer. Resolves with the seconds it took. */
async function submit({ client }: CoordinatorProcess, { name, tasks, classes }: Shape): Promise<number> {
  const startMs = performance.now();
  const labels = classes === 0 ? undefined : (index: number) => classLabels(index % classes);
  for (let start = 0; start < tasks; start += RUN_TASKS) {
    const count = Math.min(RUN_TASKS, tasks - start);
    await client.submitRun({ name, wait_for_capacity: true, tasks: noopTasks(count, start, labels) });
  }
  return (performance.now() - startMs) / 1000;
}

async function connect(coordinator: CoordinatorProcess, shape: Shape): Promise<LoadGenerators> {
  const options: LoadOptions = {
    coordinator,
    workers: shape.workers,
    credits: size.credits,
    processes: Math.ceil(shape.workers / SESSIONS_PER_PROCESS),
    settings: { hold: true, classes: shape.classes, classesPerWorker: CLASSES_PER_WORKER },
  };
  return LoadGenerators.start(options);
}

/**
 * Workers answer nothing until all are connected and all tasks are queued. What they were given until then is the first wave;
 * the rate counts from its end, so that assignments made before do not flatter it.
 */
async function measure(shape: Shape, execArgv: readonly string[] = []): Promise<Measured> {
  const coordinator = await startCoordinatorProcess(execArgv);
  let load: LoadGenerators | undefined;
  try {
    const submitSeconds = await submit(coordinator, shape);
    await sayMemory(coordinator, `${shape.name}: ${shape.tasks} tasks queued in ${submitSeconds.toFixed(1)} s`);
    const connectMs = performance.now();
    load = await connect(coordinator, shape);
    const connectSeconds = (performance.now() - connectMs) / 1000;
    await sayMemory(coordinator, `${shape.name}: ${shape.workers} workers connected in ${connectSeconds.toFixed(1)} s`);
    const rate = await drain({ coordinator, load, shape });
    await sayMemory(coordinator, `${shape.name}: ${Math.round(rate.tasksPerSecond)} tasks/s`);
    const { arrivals: _none, ...heartbeats } = await load.report();
    const { peakGb } = await usageOf(coordinator.pid);
    const closedSessions = load.closed;
    return { ...rate, ...heartbeats, submitSeconds, connectSeconds, closedSessions, peakGb };
  } finally {
    await load?.stop();
    await coordinator.stop();
  }
}

async function drain({ coordinator, load, shape }: Draining): Promise<Rate> {
  const firstWave = Math.min(shape.workers * size.credits, shape.tasks / 2);
  load.go();
  await load.untilAcked(firstWave, LIMIT_MS);
  const before = { acked: load.acked, atMs: performance.now(), ...(await usageOf(coordinator.pid)) };
  const endMs = await load.untilAcked(shape.tasks, LIMIT_MS);
  if (endMs === null) say(`only ${load.acked} of ${shape.tasks} tasks ended in time; the rate is that of those`);
  const { cpuSeconds } = await usageOf(coordinator.pid);
  const tasks = load.acked - before.acked;
  return {
    tasksPerSecond: (tasks / ((endMs ?? performance.now()) - before.atMs)) * 1000,
    cpuMicrosecondsPerTask: ((cpuSeconds - before.cpuSeconds) / tasks) * 1e6,
  };
}

const few = await measure({
  name: "few",
  workers: Math.min(FEW_WORKERS, size.workers),
  tasks: Math.min(FEW_TASKS, size.tasks),
  classes: 0,
});
const profiling = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`];
const many = await measure({ name: "many", ...size }, profiling);
report("scale", {
  workers: size.workers,
  queued_tasks: size.tasks,
  classes: size.classes,
  rss_gb: Math.round(many.peakGb * 1000) / 1000,
  tasks_per_second: Math.round(many.tasksPerSecond),
  tasks_per_second_100_workers: Math.round(few.tasksPerSecond),
  throughput_ratio: Math.round((many.tasksPerSecond / few.tasksPerSecond) * 1000) / 1000,
  cpu_us_per_task: Math.round(many.cpuMicrosecondsPerTask),
  cpu_us_per_task_100_workers: Math.round(few.cpuMicrosecondsPerTask),
  heartbeats: many.heartbeats,
  late_heartbeats: many.lateHeartbeats,
  slowest_heartbeat_ack_ms: Math.round(many.slowestAckMs),
  closed_sessions: many.closedSessions,
  connect_seconds: Math.round(many.connectSeconds * 10) / 10,
  submit_seconds: Math.round(many.submitSeconds * 10) / 10,
});
