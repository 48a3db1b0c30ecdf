import { asRunId, asWorkerId } from "../src/base/index.ts";
import type { TaskSpec } from "../src/contracts/index.ts";
import { assign, emptyState, step } from "../src/scheduler/index.ts";
import type { Lease, State } from "../src/scheduler/index.ts";
import { report } from "./report.ts";
import { capabilitiesOf, commandTask } from "./virtual-fleet.ts";

/**
 * Processor time of one decision, in microseconds: a lease (`assign`) and a result (`step`, `attempt_finished`), one of each in
 * turn while every worker is busy, over growing numbers of tasks, classes, workers, users and runs.
 */
interface Size {
  tasks: number;
  classes: number;
  workers: number;
  /** Every worker has capabilities of its own. */
  unlike: boolean;
  users: number;
  runs: number;
}

interface Cost {
  leaseUs: number;
  finishUs: number;
}

const USUAL: Size = { tasks: 10_000, classes: 1, workers: 100, unlike: false, users: 3, runs: 6 };
const WARM_UP = 2_000;
const MEASURED = 5_000;
const ROUNDS = 3;
const DURATION_MS = 20;

const tables: Record<string, Partial<Size>[]> = {
  tasks: [1_000, 10_000, 100_000, 1_000_000].map((tasks) => ({ tasks })),
  classes: [1, 10, 100, 1_000].map((classes) => ({ classes })),
  workers_alike: [10, 100, 1_000, 10_000].map((workers) => ({ workers, tasks: 50_000 })),
  workers_unlike: [10, 100, 1_000, 10_000].map((workers) => ({ workers, unlike: true, tasks: 50_000 })),
  users_and_runs: [1, 10, 100, 1_000].map((users) => ({ users, runs: 2 * users, tasks: 50_000 })),
};

class Loop {
  readonly state: State = emptyState();
  private nowMs = 1_000;
  private readonly held: Lease[] = [];
  private next = 0;

  constructor(size: Size) {
    for (let index = 0; index < size.workers; index += 1) this.register(index, size.unlike);
    for (let run = 0; run < size.runs; run += 1) this.submit(run, size);
    this.lease();
  }

  private register(index: number, unlike: boolean): void {
    const name = `worker-${index}`;
    step(
      this.state,
      {
        type: "register_worker",
        workerId: asWorkerId(name),
        name,
        incarnation: "1",
        sessionId: name,
        capabilities: capabilitiesOf({ name, model: "model", capabilities: unlike ? { labels: { name } } : {} }),
        slots: 1,
        credits: 3,
        held: [],
      },
      this.nowMs,
    );
  }

  private submit(run: number, { tasks, runs, classes, users }: Size): void {
    const kinds = Array.from({ length: classes }, (_, one) =>
      commandTask("t", "true", { requirements: classes > 1 ? { min_memory_gb: 1 + one / 10_000 } : {} }),
    );
    const specs = Array.from(
      { length: Math.ceil(tasks / runs) },
      (_, task) => ({ ...kinds[task % classes], task_id: `t${task}` }) as TaskSpec,
    );
    step(
      this.state,
      {
        type: "submit_run",
        runId: asRunId(`run-${run}`),
        name: "bench",
        submittedBy: `user-${run % users}`,
        idempotencyKey: null,
        digest: "",
        waitForCapacity: true,
        pool: "default",
        tasks: specs,
      },
      this.nowMs,
    );
  }

  lease(): void {
    for (const { event, seq } of assign(this.state, this.nowMs, 100_000)) {
      const lease = event.type === "attempt_leased" ? this.state.leases.get(seq) : undefined;
      if (lease) this.held.push(lease);
    }
  }

  /** The oldest lease ends. */
  finish(): boolean {
    const lease = this.held[this.next];
    if (!lease) return false;
    this.next += 1;
    this.nowMs += 1;
    const { leaseSeq, attempt, workerId, task } = lease;
    const item = {
      lease_seq: leaseSeq,
      run_id: task.run.runId,
      attempt,
      started_at_ms: this.nowMs - DURATION_MS,
      finished_at_ms: this.nowMs,
      result: {
        task_id: task.taskId,
        worker_id: workerId,
        status: "completed" as const,
        execution_time_seconds: DURATION_MS / 1000,
        hardware_metrics: {},
        results: {},
        simulation_status: { is_simulated: true },
        recovery: [],
        metrics: [],
        artifacts: [],
      },
    };
    step(this.state, { type: "attempt_finished", workerId, item, digest: "" }, this.nowMs);
    return true;
  }
}

function costOf(size: Size): Cost {
  const loop = new Loop(size);
  const some = Math.max(1, Math.min(WARM_UP, Math.floor(size.tasks / 10)));
  for (let count = 0; count < some; count += 1) {
    loop.finish();
    loop.lease();
  }
  const measured = Math.min(MEASURED, Math.floor(size.tasks / (2 * ROUNDS)));
  const costs = Array.from({ length: ROUNDS }, () => roundOf(loop, measured));
  // The least disturbed round: other processes only add to it.
  return costs.reduce((best, one) => (one.leaseUs + one.finishUs < best.leaseUs + best.finishUs ? one : best));
}

/** Processor time of this thread, divided by the clock between the two halves: other processes take the clock's time, not ours. */
function roundOf(loop: Loop, count: number): Cost {
  let leaseMs = 0;
  let finishMs = 0;
  const before = process.threadCpuUsage();
  for (let done = 0; done < count; done += 1) {
    const startMs = performance.now();
    if (!loop.finish()) throw new Error("nothing is leased");
    const finishedMs = performance.now();
    loop.lease();
    finishMs += finishedMs - startMs;
    leaseMs += performance.now() - finishedMs;
  }
  const after = process.threadCpuUsage();
  const us = (after.user + after.system - before.user - before.system) / count;
  const part = leaseMs / (leaseMs + finishMs);
  return { leaseUs: us * part, finishUs: us * (1 - part) };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
// The compiler sees every size once before anything counts.
costOf(USUAL);
costOf({ ...USUAL, classes: 10, unlike: true });
const figures: Record<string, number> = {};
for (const [name, sizes] of Object.entries(tables)) {
  console.log(`\n${name.padEnd(16)}   lease µs  finish µs`);
  const costs = sizes.map((one) => costOf({ ...USUAL, ...one }));
  for (const [index, { leaseUs, finishUs }] of costs.entries()) {
    const { tasks, classes, workers, users } = { ...USUAL, ...sizes[index] };
    const label = { tasks, classes, workers_alike: workers, workers_unlike: workers, users_and_runs: users }[name];
    console.log(
      `${String(label).padStart(16)} ${rounded(leaseUs).toFixed(2).padStart(10)} ${rounded(finishUs).toFixed(2).padStart(10)}`,
    );
  }
  const total = costs.map(({ leaseUs, finishUs }) => leaseUs + finishUs);
  const [, usual = Number.NaN] = total;
  figures[`growth_${name}`] = rounded((total.at(-1) ?? Number.NaN) / usual);
  figures[`${name}_most_us`] = rounded(total.at(-1) ?? Number.NaN);
  if (name === "tasks") figures["lease_us_at_1m_tasks"] = rounded(costs.at(-1)?.leaseUs ?? Number.NaN);
}
const usual = costOf(USUAL);
figures["lease_and_finish_us"] = rounded(usual.leaseUs + usual.finishUs);
console.log("");
report("scheduler", figures);
