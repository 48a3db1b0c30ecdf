import { isExclusive, isReady, misfit, shortage } from "./books.ts";
import type { TaskBook, WorkerBook } from "./books.ts";
import type { Simulation } from "./simulation.ts";
import { STRAGGLING } from "./sim-worker.ts";
import { planOf } from "./workload.ts";
import { demand } from "./violation.ts";

const LOOK_MS = 2_000;
/** A task may wait for a better machine, but not for so much longer than it would take where it fits. */
const PATIENCE_MS = 120_000;

/** A worker does not know a lease, keeps a result, or leaves a slot free: an answer or the next heartbeat mends that. */
const SOON_MS = 60_000;

/** L2: once nothing goes wrong any more, no task waits for long while a worker that fits has nothing to do. */
export class Starvation {
  private readonly sim: Simulation;
  private lookedAtMs = 0;
  private readonly since = new Map<unknown, number>();

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  /** Whether it was time to look. */
  look(): boolean {
    const { world, replica } = this.sim;
    if (world.nowMs < this.lookedAtMs + LOOK_MS) return false;
    this.lookedAtMs = world.nowMs;
    // Somebody starts those again that were told to drain before the healing and heard of it only now.
    for (const worker of this.sim.workers) if (worker.isDraining) worker.crash("kept");
    this.lookAtWorkers();
    const idle = [...replica.checker.ledger.workers.values()].filter((one) => this.isIdle(one));
    for (const run of replica.checker.ledger.runs.values()) {
      if (run.ended) continue;
      for (const task of run.tasks.values()) {
        const worker = isReady(task) && task.spec.group === undefined ? idle.find((one) => fits(task, one)) : undefined;
        const waits = (): string => `${task.id} of ${run.runId} waits while ${worker?.workerId} is idle`;
        const patienceMs = PATIENCE_MS + (worker ? this.longestMs(task, worker) : 0);
        demand(this.lastsMs(task, worker !== undefined) < patienceMs, "L2", waits);
      }
    }
    return true;
  }

  private lookAtWorkers(): void {
    const { workers, replica } = this.sim;
    for (const worker of workers) {
      const { workerId, stuck } = worker;
      const key = `${workerId} ${stuck}`;
      for (const other of this.since.keys())
        if (typeof other === "string" && other.startsWith(`${workerId} `) && other !== key) this.since.delete(other);
      demand(this.lastsMs(key, stuck !== null) < SOON_MS, "L2", () => key);
    }
    for (const lease of replica.checker.ledger.leases.values()) {
      const holder = workers.find(({ workerId }) => workerId === lease.worker.workerId);
      const isUnknown = lease.startedAtMs === null && holder?.isDone === true;
      demand(this.lastsMs(lease, isUnknown) < SOON_MS, "L2", () => `nobody knows lease ${lease.seq}`);
    }
  }

  /** What was seen of such work there may have straggled, and is what the scheduler has to expect. */
  private longestMs(task: TaskBook, { workerId }: WorkerBook): number {
    const worker = this.sim.workers.find((one) => one.workerId === workerId);
    return planOf(task.id, 1).ms * (worker?.shape.slowness ?? 1) * STRAGGLING;
  }

  /** For how long something has been so. */
  private lastsMs(what: unknown, isSo: boolean): number {
    const { nowMs } = this.sim.world;
    if (!isSo) this.since.delete(what);
    else if (!this.since.has(what)) this.since.set(what, nowMs);
    return nowMs - (this.since.get(what) ?? nowMs);
  }

  /** What is not over. */
  describe(): string {
    const { sim } = this;
    const { ledger } = sim.replica.checker;
    const tasks = [...ledger.runs.values()]
      .filter((run) => !run.ended)
      .flatMap((run) => [...run.tasks.values()])
      .filter(({ state }) => state === "queued" || state === "leased" || state === "running" || state === "blocked")
      .slice(0, 5)
      .map(
        ({ id, run, state, notBeforeMs, leases }) =>
          `${run.runId}/${id} ${state} ${notBeforeMs} ${leases.map((one) => `${one.seq}@${one.worker.workerId}`).join()}`,
      );
    const workers = sim.workers.map(
      (one) => `${one.workerId}: ${one.isUp ? "up" : "down"}, ${one.isDone ? "done" : "busy"}`,
    );
    const books = [...ledger.workers.values()].map(
      (one) => `${one.workerId} ready ${one.ready} draining ${one.draining} leases ${one.leases.size}`,
    );
    return ["work does not end", ...tasks, ...workers, ...books].join("; ");
  }

  private isIdle(worker: WorkerBook): boolean {
    const { ledger } = this.sim.replica.checker;
    if (!worker.ready || worker.draining || worker.leases.size > 0 || ledger.claimOn(worker)) return false;
    // Who has a machine for itself keeps its other workers idle, for as long as it takes.
    const { hostname } = worker.capabilities;
    return ![...ledger.leases.values()].some(
      ({ task, worker: other }) => isExclusive(task) && other.capabilities.hostname === hostname,
    );
  }
}

function fits(task: TaskBook, worker: WorkerBook): boolean {
  const { checks } = task.run;
  if (isExclusive(task) || task.spec.resources.locks || (checks !== null && checks !== worker.workerId)) return false;
  return misfit(task, worker.capabilities) === null && shortage(task, worker, null) === null;
}
