import fc from "fast-check";
import { expect, test } from "vitest";
import { asRunId, asTaskId, asWorkerId, seededRng } from "../base/index.ts";
import type { Rng } from "../base/index.ts";
import { capabilityDocument, dependencyTask, failureClasses, resultDocument, taskSpec } from "../contracts/index.ts";
import type { PlacedEvent, TaskSpec } from "../contracts/index.ts";
import type { Command } from "./commands.ts";
import { evolve } from "./evolve.ts";
import { leastUrgent } from "./preemption.ts";
import { fromSnapshot, toSnapshot } from "./snapshot.ts";
import { emptyCounts, emptyState, countColumn, isTerminal } from "./state.ts";
import type { State } from "./state.ts";
import { assign, step } from "./step.ts";

/** Random workers, runs, results, losses and cancellations, at random times. */
class Chaos {
  readonly state: State = emptyState();
  readonly journal: PlacedEvent[] = [];
  readonly rng: Rng;
  nowMs = 1_000;
  private runs = 0;
  private sessions = 0;

  constructor(seed: number) {
    this.rng = seededRng(seed);
  }

  turn(): void {
    this.nowMs += this.rng.below(4) === 0 ? this.rng.below(40_000) : this.rng.below(50);
    const commands = Array.from({ length: 1 + this.rng.below(3) }, () => this.command());
    for (const command of commands) if (command) this.journal.push(...step(this.state, command, this.nowMs).events);
    this.journal.push(...assign(this.state, this.nowMs, 100));
  }

  private command(): Command | undefined {
    switch (this.rng.below(12)) {
      case 0:
        return this.register();
      case 1:
        return this.submit();
      case 2:
        return this.disconnect();
      case 3:
        return { type: "tick" };
      case 4: {
        const run = this.pick([...this.state.runs.values()]);
        return run && { type: "cancel_run", runId: run.runId, by: "x", reason: "x" };
      }
      case 5: {
        const worker = this.pick([...this.state.workers.values()]);
        return worker && { type: "drain_worker", workerId: worker.workerId, by: "x", reason: "x" };
      }
      case 6:
        return { type: "projected", seq: this.state.seq - this.rng.below(20) };
      case 7:
        return this.rng.below(20) === 0
          ? { type: "open_epoch", epoch: this.state.epoch + 1, holder: "h", graceMs: 30_000 }
          : undefined;
      case 8:
        return this.started();
      default:
        return this.finished();
    }
  }

  private register(): Command {
    const name = `w${this.rng.below(6)}`;
    this.sessions += 1;
    const known = this.state.workers.get(asWorkerId(name));
    const kept = [...(known?.leases.keys() ?? [])].filter(() => this.rng.below(3) > 0);
    return {
      type: "register_worker",
      workerId: asWorkerId(name),
      name,
      incarnation: String(this.rng.below(2)),
      sessionId: `s${this.sessions}`,
      capabilities: capabilityDocument.parse({
        hostname: name,
        os: { platform: "linux", release: "6", arch: "x64" },
        cpu: { model: "c", cores: 4, threads: 4 },
        memory_gb: 8,
        disk_free_gb: 1,
        hardware: this.rng.below(2) === 0 ? ["cpu"] : ["cpu", "cuda"],
        task_types: ["command"],
      }),
      slots: 1,
      credits: 1 + this.rng.below(4),
      held: kept.map((lease_seq) => ({ lease_seq, run_id: "r", task_id: "t", attempt: 1, state: "running" })),
    };
  }

  private submit(): Command {
    this.runs += 1;
    const count = 1 + this.rng.below(8);
    const tasks: TaskSpec[] = Array.from({ length: count }, (_, index) =>
      taskSpec.parse({
        task_id: `t${index}`,
        type: "command",
        priority: this.rng.below(101),
        config: { command: "true" },
        requirements: this.rng.below(3) === 0 ? { hardware: ["cuda"] } : {},
        retry_policy: { max_retries: this.rng.below(3), retry_delay_seconds: this.rng.below(20) },
        depends_on: index > 0 && this.rng.below(3) === 0 ? [`t${this.rng.below(index)}`] : [],
      }),
    );
    const runId = asRunId(`r${this.runs}`);
    const idempotencyKey = this.rng.below(2) === 0 ? `k${this.rng.below(5)}` : null;
    return {
      type: "submit_run",
      runId,
      name: "n",
      submittedBy: "x",
      idempotencyKey,
      digest: "d",
      waitForCapacity: true,
      pool: "default",
      tasks,
    };
  }

  private disconnect(): Command | undefined {
    const worker = this.pick([...this.state.workers.values()]);
    if (!worker?.sessionId) return undefined;
    const { workerId, sessionId } = worker;
    if (this.rng.below(4) === 0) return { type: "worker_goodbye", workerId, sessionId, reason: "x" };
    return {
      type: "worker_disconnected",
      workerId,
      sessionId,
      reason: "x",
      lostAtMs: this.nowMs + this.rng.below(20_000),
    };
  }

  private started(): Command | undefined {
    const lease = this.pick([...this.state.leases.values()]);
    if (!lease) return undefined;
    return {
      type: "attempt_started",
      workerId: lease.workerId,
      leaseSeq: lease.leaseSeq,
      startedAtMs: this.nowMs,
    };
  }

  private finished(): Command | undefined {
    const lease = this.pick([...this.state.leases.values()]);
    if (!lease) return undefined;
    const { leaseSeq, attempt, workerId, task } = lease;
    const fails = this.rng.below(3) === 0;
    const result = resultDocument.parse({
      task_id: task.taskId,
      worker_id: workerId,
      status: fails ? "failed" : "completed",
      execution_time_seconds: 1,
      ...(fails ? { failure: { class: this.pick([...failureClasses]), message: "m" } } : {}),
    });
    const item = { lease_seq: leaseSeq, run_id: task.run.runId, attempt, started_at_ms: 1, finished_at_ms: 2, result };
    return { type: "attempt_finished", workerId, item, digest: String(this.rng.below(3)) };
  }

  private pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.rng.below(items.length)];
  }
}

function hash(state: State): string {
  return JSON.stringify(toSnapshot(state));
}

/** What must hold after every turn, worked out from the tasks alone. */
function checkInvariants(state: State): void {
  const counts = emptyCounts();
  const leased = new Map<string, number>();
  for (const run of state.runs.values()) {
    let open = 0;
    for (const task of run.tasks.values()) {
      counts.total += 1;
      counts[countColumn(task)] += 1;
      if (!isTerminal(task.state)) open += 1;
      expect(task.leases.length > 0).toBe(task.state === "leased" || task.state === "running");
      expect(task.heapIndex >= 0).toBe(task.state === "queued" && task.notBeforeMs === 0);
      for (const { workerId } of task.leases) leased.set(workerId, (leased.get(workerId) ?? 0) + 1);
      if (task.state === "leased" || task.state === "running" || task.state === "completed") {
        for (const one of task.spec.depends_on)
          expect(run.tasks.get(asTaskId(dependencyTask(one)))?.state).toBe("completed");
      }
      const accepted = task.past.filter((past) => past.outcome === "succeeded");
      expect(accepted.length).toBeLessThanOrEqual(1);
    }
    expect(run.state === "running").toBe(open > 0);
  }
  expect(state.counts).toEqual(counts);
  for (const worker of state.workers.values()) {
    expect(worker.leases.size).toBe(leased.get(worker.workerId) ?? 0);
    if (worker.state === "ready") expect(worker.timer).toBeNull();
    if (worker.standing === "busy") continue;
    for (const one of worker.profile.classes.keys()) {
      const heads = [...state.runs.values()].flatMap((run) => run.node.queues.get(one)?.tasks.peek() ?? []);
      // What could have room made for it is not held in reserve.
      if (worker.standing === "spare" && heads.some(({ spec }) => spec.priority >= leastUrgent(state))) continue;
      expect(heads).toEqual([]);
    }
  }
  expect(state.due.runs.size + state.due.skips.size).toBe(0);
}

test("whatever happens, replay gives the live state, snapshots continue it, and the books balance", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const chaos = new Chaos(seed);
      let half: { copy: State; from: number } | undefined;
      for (let turn = 0; turn < 200; turn += 1) {
        chaos.turn();
        checkInvariants(chaos.state);
        if (turn === 100)
          half = { copy: fromSnapshot(structuredClone(toSnapshot(chaos.state))), from: chaos.journal.length };
      }
      const replayed = emptyState();
      for (const [index, { seq, event, atMs }] of chaos.journal.entries()) {
        expect(seq).toBe(index + 1);
        evolve(replayed, event, atMs);
      }
      expect(hash(replayed)).toBe(hash(chaos.state));
      if (!half) throw new Error("no snapshot was made");
      for (const { event, atMs } of chaos.journal.slice(half.from)) evolve(half.copy, event, atMs);
      expect(hash(half.copy)).toBe(hash(chaos.state));
      checkInvariants(half.copy);
    }),
    { numRuns: 60 },
  );
});
