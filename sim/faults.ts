import type { CapabilityDocument } from "../src/contracts/index.ts";
import type { MemoryStore } from "../src/journal/memory/memory-store.ts";
import type { Fault } from "./options.ts";
import type { SimWorker } from "./sim-worker.ts";
import type { Simulation } from "./simulation.ts";
import type { Host } from "./world.ts";

const DAY_MS = 86_400_000;

type CoordinatorFault = "coordinator_crash" | "coordinator_stopped" | "second_leader" | "store_down" | "restore_backup";
/** What any process, or all of them, may meet. */
type CommonFault =
  | "clock_jump"
  | "slow_loop"
  | "flapping"
  | "all_workers_crash"
  | "everything_crashes"
  | "connection_storm"
  | "swizzle"
  | "late_frame";

/** What goes wrong, and what undoes it. */
export class Faults {
  private readonly sim: Simulation;
  private backup: { memory: MemoryStore; batches: number } | undefined;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  start(): void {
    const { world, options } = this.sim;
    if (options.faults.length === 0) return;
    const next = (): void => {
      if (this.sim.healing) return;
      const fault = world.pick(options.faults);
      if (fault) this.happen(fault);
      world.plan(options.faultEveryMs * 2 * world.rng.next(), next);
    };
    world.plan(options.faultEveryMs, next);
  }

  /** Undoes all of it, and lets nothing new go wrong. */
  heal(): void {
    const { sim } = this;
    for (const worker of sim.workers) {
      sim.net.partition(worker.link, { up: false, down: false });
      worker.link.up.twice = 0;
      worker.link.down.twice = 0;
      worker.link.up.damage = undefined;
      worker.link.down.damage = undefined;
      worker.fragile = false;
      worker.diskFails = false;
      worker.host.goOn();
      worker.host.jump(0);
      worker.host.turnMs = sim.options.turnMs;
      if (worker.isDraining) worker.crash("kept");
      worker.restart();
      worker.changeCapabilities(worker.shape.capabilities, true);
    }
    this.report();
    sim.store.down = false;
    sim.store.faulty = false;
    const newest = sim.newest();
    for (const coordinator of sim.coordinators) {
      if (coordinator !== newest) sim.killCoordinator(coordinator);
      coordinator.host.goOn();
      coordinator.host.jump(0);
      coordinator.host.turnMs = sim.options.turnMs;
    }
    if (!newest) sim.startCoordinator();
  }

  private happen(fault: Fault): void {
    const { sim } = this;
    const { world } = sim;
    const worker = world.pick(sim.workers);
    const forMs = world.pick([100, 2_000, 20_000, 60_000]) ?? 100;
    if (!worker) return;
    switch (fault) {
      case "worker_crash":
        return worker.crash("kept");
      case "worker_crash_disk_lost":
        return worker.crash("lost");
      case "worker_power_loss":
        return worker.crash("tail");
      case "worker_leaves":
        return worker.leave(world.between(0, 3_000));
      case "worker_stopped": {
        const { host } = worker;
        host.stop();
        world.plan(forMs, () => host.goOn());
        return;
      }
      case "partition":
      case "partition_one_way": {
        const up = fault === "partition" || world.chance(0.5);
        sim.net.partition(worker.link, { up, down: fault === "partition" || !up });
        world.plan(forMs, () => sim.net.partition(worker.link, { up: false, down: false }));
        return;
      }
      case "drop":
        return sim.net.drop(worker.link, "both");
      case "half_open":
        return sim.net.drop(worker.link, world.chance(0.5) ? "worker" : "coordinator");
      case "damaged_frame":
        worker.link[world.chance(0.5) ? "up" : "down"].damage = world.chance(0.7) ? "cut" : "flipped";
        return;
      case "disk_fails":
        worker.diskFails = true;
        world.plan(forMs, () => (worker.diskFails = false));
        return;
      case "capabilities":
        worker.changeCapabilities(this.changed(worker.shape.capabilities), world.chance(0.5));
        if (world.chance(0.5)) sim.net.drop(worker.link, "both");
        world.plan(forMs, () => worker.changeCapabilities(worker.shape.capabilities, true));
        return;
      case "rewrite_result":
        worker.rewriteResult();
        return sim.net.drop(worker.link, "both");
      case "wrong_held":
        this.misreport();
        return world.chance(0.5) ? sim.net.drop(worker.link, "both") : undefined;
      case "forget_lease":
        return worker.forgetLease();
      case "forge_result": {
        const leases = [...sim.replica.checker.ledger.leases.values()];
        const lease = world.pick(leases.filter((one) => one.worker.workerId !== worker.workerId));
        if (lease) worker.forgeResult(lease);
        return sim.net.drop(worker.link, "both");
      }
      default:
        return this.atCoordinator(fault, forMs);
    }
  }

  private atCoordinator(fault: CoordinatorFault | CommonFault, forMs: number): void {
    const { sim } = this;
    const { world, coverage } = sim;
    const coordinator = world.pick(sim.coordinators.filter(({ host }) => host.alive));
    switch (fault) {
      case "coordinator_crash":
        // One that was just killed is already being started again: two that never stop would only throw each other out.
        if (!coordinator) return;
        coverage.reached("coordinator crash");
        sim.killCoordinator(coordinator);
        return void world.plan(world.between(10, 3_000), () => sim.startCoordinator());
      case "coordinator_stopped":
        coverage.reached("coordinator stopped");
        coordinator?.host.stop();
        return void world.plan(forMs, () => coordinator?.host.goOn());
      case "second_leader":
        if (sim.coordinators.filter(({ host }) => host.alive).length > 1) return;
        sim.startCoordinator();
        // The old one is killed in the end, as by whoever noticed it.
        return void world.plan(Math.min(forMs, 2_000), () => {
          if (sim.coordinators.filter(({ host }) => host.alive).length > 1 && coordinator)
            sim.killCoordinator(coordinator);
        });
      case "store_down":
        sim.store.down = true;
        return void world.plan(Math.min(forMs, 20_000), () => {
          sim.store.down = false;
        });
      case "restore_backup":
        return this.restore();
      default:
        return this.elsewhere(fault, forMs);
    }
  }

  private elsewhere(fault: CommonFault, forMs: number): void {
    const { sim } = this;
    const { world } = sim;
    const worker = world.pick(sim.workers);
    switch (fault) {
      case "clock_jump":
        return this.jump(world.pick(this.hosts()));
      case "slow_loop":
        return this.slow(world.pick(this.hosts()), forMs);
      case "flapping":
        for (let count = 0; count < 5; count += 1) world.plan(count * 1_500, () => this.flap(worker));
        return;
      case "all_workers_crash":
        sim.coverage.reached("all workers crashed");
        for (const one of sim.workers) one.crash("kept");
        return;
      case "everything_crashes":
        sim.coverage.reached("everything crashed");
        for (const one of sim.workers) one.crash("tail");
        return this.happen("coordinator_crash");
      case "connection_storm":
        sim.coverage.reached("all connections dropped");
        for (const one of sim.workers) sim.net.drop(one.link, "both");
        return;
      case "swizzle":
        return this.swizzle();
      case "late_frame":
        return worker?.repeatFrame();
    }
  }

  /** Takes a backup, or stops all coordinators and puts the last one back. */
  private restore(): void {
    const { sim } = this;
    const { backup } = this;
    if (!backup || sim.world.chance(0.3)) {
      this.backup = { memory: sim.store.memory.copy(), batches: sim.replica.batches };
      return;
    }
    sim.coverage.reached("old backup restored");
    for (const coordinator of [...sim.coordinators]) sim.killCoordinator(coordinator);
    sim.store.memory = backup.memory.copy();
    sim.store.history += 1;
    sim.replica.restore(backup.batches);
    sim.world.plan(sim.world.between(10, 3_000), () => sim.startCoordinator());
  }

  private hosts(): Host[] {
    const { coordinators, workers } = this.sim;
    return [...coordinators, ...workers].map(({ host }) => host).filter(({ alive }) => alive);
  }

  private jump(host: Host | undefined): void {
    const { world, coverage } = this.sim;
    const isDay = world.chance(0.3);
    coverage.reached(isDay ? "wall clock a day off" : "wall clock jumped");
    host?.jump(isDay ? (world.chance(0.5) ? DAY_MS : -DAY_MS) : world.between(-60_000, 60_000));
  }

  /** Each turn of a process's event loop takes long, as while it does something else. */
  private slow(host: Host | undefined, forMs: number): void {
    const { world, coverage, options } = this.sim;
    if (!host) return;
    coverage.reached("event loop slow");
    host.turnMs = world.between(50, 1_000);
    world.plan(forMs, () => (host.turnMs = options.turnMs));
  }

  private flap(worker: SimWorker | undefined): void {
    if (!worker || this.sim.healing) return;
    this.sim.coverage.reached("worker flapped");
    worker.crash("kept");
  }

  /** The links are cut one after the other, and come back in another order. */
  private swizzle(): void {
    const { world, net, workers, coverage } = this.sim;
    coverage.reached("links cut one after the other");
    for (const { link } of workers) {
      world.plan(world.between(0, 3_000), () => !this.sim.healing && net.partition(link, { up: true, down: true }));
      world.plan(world.between(3_000, 20_000), () => net.partition(link, { up: false, down: false }));
    }
  }

  private report(): void {
    this.sim.auditor.misreport = (held) => held;
    this.sim.auditor.repeats = false;
  }

  /** For a while workers forget some of what they hold when they are asked, and perhaps hear of every lease twice. */
  private misreport(): void {
    const { sim } = this;
    sim.coverage.reached("held lease forgotten");
    sim.auditor.misreport = (held) => held.filter(() => !sim.world.chance(0.3));
    sim.auditor.repeats = sim.world.chance(0.5);
    sim.world.plan(2_000, () => this.report());
  }

  private changed(capabilities: CapabilityDocument): CapabilityDocument {
    const { world } = this.sim;
    switch (world.rng.below(4)) {
      case 0:
        return { ...capabilities, gpus: capabilities.gpus.slice(1), hardware: ["cpu"] };
      case 1:
        return { ...capabilities, cpu: { ...capabilities.cpu, cores: 1 }, memory_gb: 2 };
      case 2:
        return { ...capabilities, task_types: ["command"] };
      default:
        return { ...capabilities, hostname: "m0" };
    }
  }
}
