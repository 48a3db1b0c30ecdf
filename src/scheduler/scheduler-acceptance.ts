import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import { capabilityDocument, resultDocument, taskSpec } from "../contracts/index.ts";
import type {
  CapabilityDocument,
  FinishedItem,
  PlacedEvent,
  ResultDocumentInput,
  TaskSpec,
  TaskSpecInput,
} from "../contracts/index.ts";
import type { Command, Reply } from "./commands.ts";
import { StateRestoration, snapshotParts } from "./snapshot.ts";
import { emptyState } from "./state.ts";
import type { State, Task, WorkerRecord } from "./state.ts";
import { assign, review, step } from "./step.ts";

export const RUN = asRunId("run-1");

export function capabilities(more: Partial<CapabilityDocument> = {}): CapabilityDocument {
  return capabilityDocument.parse({
    hostname: "host",
    os: { platform: "linux", release: "6", arch: "x64" },
    cpu: { model: "cpu", cores: 4, threads: 4 },
    memory_gb: 16,
    disk_free_gb: 100,
    hardware: ["cpu"],
    task_types: ["command", "model"],
    ...more,
  });
}

export function spec(task_id: string, more: Partial<TaskSpecInput> = {}): TaskSpec {
  return taskSpec.parse({ task_id, type: "command", config: { command: "true" }, ...more });
}

type WorkerInput = Partial<CapabilityDocument> & {
  slots?: number;
  credits?: number;
  incarnation?: string;
  session?: string;
};

/** A coordinator without I/O: commands in, replies out. */
export class Bench {
  state: State = emptyState();
  nowMs = 1_000;
  readonly journal: PlacedEvent[] = [];

  do(command: Command): Reply {
    const { events, reply } = step(this.state, command, this.nowMs);
    this.journal.push(...events, ...assign(this.state, this.nowMs, 1_000));
    return reply;
  }

  /** Lets time pass; what is due happens, and what only time shows is looked at. */
  pass(ms: number): PlacedEvent[] {
    this.nowMs += ms;
    const from = this.journal.length;
    for (let seq = -1; seq !== this.state.seq;) {
      seq = this.state.seq;
      this.do({ type: "tick" });
    }
    this.journal.push(...review(this.state, this.nowMs, 1_000));
    return this.journal.slice(from);
  }

  worker(name: string, more: WorkerInput = {}): Reply {
    const { slots = 1, credits = slots + 1, incarnation = "1", session = incarnation, ...rest } = more;
    return this.do({
      type: "register_worker",
      workerId: asWorkerId(name),
      name,
      incarnation,
      sessionId: `${name}-${session}`,
      capabilities: capabilities({ hostname: name, ...rest }),
      slots,
      credits,
      held: [],
    });
  }

  submit(tasks: TaskSpec[], more: Partial<Extract<Command, { type: "submit_run" }>> = {}): Reply {
    return this.do({
      type: "submit_run",
      runId: RUN,
      name: "run",
      submittedBy: "me",
      idempotencyKey: null,
      digest: "d",
      waitForCapacity: false,
      pool: "default",
      tasks,
      ...more,
    });
  }

  task(id: string, run = RUN): Task {
    const task = this.state.runs.get(run)?.tasks.get(asTaskId(id));
    if (!task) throw new Error(`no task ${id}`);
    return task;
  }

  workerOf(name: string): WorkerRecord {
    const worker = this.state.workers.get(asWorkerId(name));
    if (!worker) throw new Error(`no worker ${name}`);
    return worker;
  }

  /** The workers that hold a lease of the task. */
  on(id: string, run = RUN): string[] {
    return this.task(id, run).leases.map(({ workerId }) => workerId);
  }

  start(id: string, run = RUN): void {
    for (const { workerId, leaseSeq, startedAtMs } of this.task(id, run).leases)
      if (startedAtMs === null) this.do({ type: "attempt_started", workerId, leaseSeq, startedAtMs: this.nowMs });
  }

  /** The worker hands back what was asked of it. */
  release(id: string, run = RUN): void {
    const [lease] = this.task(id, run).leases;
    if (!lease) throw new Error(`task ${id} has no lease`);
    this.do({ type: "attempt_released", workerId: lease.workerId, leaseSeq: lease.leaseSeq, reason: "asked" });
  }

  item(task: Task, result: Partial<ResultDocumentInput> = {}): FinishedItem {
    const lease = task.leases.find(({ workerId }) => workerId === (result.worker_id ?? workerId));
    if (!lease) throw new Error(`task ${task.taskId} has no lease`);
    return {
      lease_seq: lease.leaseSeq,
      run_id: task.run.runId,
      attempt: lease.attempt,
      started_at_ms: lease.startedAtMs ?? this.nowMs,
      finished_at_ms: this.nowMs,
      result: resultDocument.parse({
        task_id: task.taskId,
        worker_id: lease.workerId,
        status: "completed",
        execution_time_seconds: 1,
        ...result,
      }),
    };
  }

  finish(id: string, result: Partial<ResultDocumentInput> = {}, run = RUN): Reply {
    const task = this.task(id, run);
    const item = this.item(task, result);
    return this.do({
      type: "attempt_finished",
      workerId: asWorkerId(item.result.worker_id),
      item,
      digest: JSON.stringify(item.result),
    });
  }
}

export function bench(...workers: string[]): Bench {
  const made = new Bench();
  for (const name of workers) made.worker(name);
  return made;
}

/** Equal for equal states. */
export function textOf(state: State): string {
  return [...snapshotParts(state)].join("\n");
}

export function copyBySnapshot(state: State): State {
  const restoration = new StateRestoration();
  for (const part of snapshotParts(state)) restoration.add(part);
  return restoration.finish();
}
