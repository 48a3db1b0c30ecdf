import {
  attemptStates,
  runStates,
  taskSpec,
  taskStates,
  workerStates,
  capabilityDocument,
  dependencyTask,
  quarantine,
  workerLoad,
} from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";
import type { Connection } from "./duckdb.ts";
import type { Projection } from "./projection.ts";
import { addTask, newTask, placeOf, restTask, unfinishedTask } from "./rows.ts";
import type { AttemptRow, RunRow, TaskRow } from "./rows.ts";

type Columns = Record<string, unknown>;

async function select(connection: Connection, sql: string): Promise<Columns[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJson();
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const optional = <Value>(value: unknown, convert: (present: unknown) => Value): Value | null =>
  value === null || value === undefined ? null : convert(value);
const oneOf = <Word extends string>(words: readonly Word[], value: unknown): Word => {
  const found = words.find((word) => word === value);
  if (!found) throw new Error(`unknown word ${text(value)}`);
  return found;
};

/** Gives a projection back what it kept in memory: unfinished runs with their tasks and attempts, and workers. */
export async function restore(connection: Connection, projection: Projection): Promise<void> {
  await restoreRuns(connection, projection);
  await restoreTasks(connection, projection);
  await restoreAttempts(connection, projection);
  for (const row of await select(
    connection,
    "select *, epoch_ms(registration_time) as registration_ms, epoch_ms(last_heartbeat) as heartbeat_ms, epoch_ms(held_until) as held_until_ms from worker_nodes",
  )) {
    projection.workers.set(text(row["worker_id"]), {
      workerId: text(row["worker_id"]),
      name: text(row["name"]),
      status: oneOf(workerStates, row["status"]),
      registrationMs: Number(row["registration_ms"]),
      heartbeatMs: optional(row["heartbeat_ms"], Number),
      incarnation: text(row["incarnation"]),
      draining: row["draining"] === true,
      slots: Number(row["slots"]),
      capabilities: capabilityDocument.parse(JSON.parse(text(row["capabilities"]))),
      quarantine: optional(row["quarantine"], (value) => quarantine.parse(JSON.parse(text(value)))),
      heldUntilMs: optional(row["held_until_ms"], Number),
      load: optional(row["hardware_metrics"], (value) => workerLoad.parse(JSON.parse(text(value)))),
    });
  }
}

async function restoreRuns(connection: Connection, projection: Projection): Promise<void> {
  for (const row of await select(
    connection,
    "select *, epoch_ms(create_time) as create_ms from runs where state = 'running' order by run_no",
  )) {
    const run: RunRow = {
      stored: true,
      dirty: false,
      runNo: Number(row["run_no"]),
      runId: text(row["run_id"]),
      name: text(row["name"]),
      state: oneOf(runStates, row["state"]),
      submittedBy: text(row["submitted_by"]),
      createMs: Number(row["create_ms"]),
      endMs: null,
      tasks: new Map(),
      kinds: [],
      waiters: new Map(),
    };
    projection.runs.set(run.runId, run);
  }
}

async function restoreTasks(connection: Connection, projection: Projection): Promise<void> {
  const rows = await select(
    connection,
    `select *, epoch_ms(create_time) as create_ms, epoch_ms(start_time) as start_ms from distributed_tasks
     where run_id in (select run_id from runs where state = 'running') order by task_no`,
  );
  const restored: { task: TaskRow; spec: TaskSpec }[] = [];
  for (const row of rows) {
    const status = oneOf(taskStates, row["status"]);
    if (["completed", "failed", "cancelled", "skipped"].includes(status)) continue;
    const run = projection.runs.get(text(row["run_id"]));
    if (!run) continue;
    const spec = taskSpec.parse(JSON.parse(text(row["spec"])));
    const task = Object.assign(newTask(spec, run, placeOf(run, Number(row["task_no"]))), {
      stored: true,
      status,
      startMs: optional(row["start_ms"], Number),
      workerId: optional(row["worker_id"], text),
      attempts: Number(row["attempts"]),
    });
    addTask(run, task);
    restored.push({ task, spec });
  }
  for (const { task, spec } of restored) {
    // Whatever has ended is not there any more.
    task.waitingFor = spec.depends_on.filter((one) => task.run.tasks.has(dependencyTask(one))).length;
    task.spec = null;
    if (spec.depends_on.length === 0) restTask(task);
  }
}

async function restoreAttempts(connection: Connection, projection: Projection): Promise<void> {
  const open =
    "select *, epoch_ms(lease_time) as lease_ms, epoch_ms(start_time) as start_ms from task_execution_history where status in ('leased', 'running')";
  for (const row of await select(connection, open)) {
    const attempt: AttemptRow = {
      stored: true,
      dirty: false,
      leaseSeq: Number(row["id"]),
      runId: text(row["run_id"]),
      taskId: text(row["task_id"]),
      workerId: text(row["worker_id"]),
      attempt: Number(row["attempt"]),
      status: oneOf(attemptStates, row["status"]),
      hardware: optional(row["hardware"], text),
      leaseMs: Number(row["lease_ms"]),
      startMs: optional(row["start_ms"], Number),
      endMs: null,
      seconds: null,
      message: null,
      failure: null,
      hardwareMetrics: null,
    };
    const run = projection.runs.get(attempt.runId);
    const task = run && unfinishedTask(run, attempt.taskId);
    if (task) task.underWay = [...task.underWay, attempt];
  }
}
