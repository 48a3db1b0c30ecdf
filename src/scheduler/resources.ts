import type { CapabilityDocument } from "../contracts/index.ts";
import type { Needs } from "./requirement-class.ts";
import type { Lease, State, WorkerRecord } from "./state.ts";

/** What is set aside for an attempt, beside its slot. */
export interface Demand {
  readonly cpu: number;
  readonly memoryGb: number;
  /** Whole GPUs. */
  readonly gpu: number;
  /** With whole GPUs: memory that each must have. Without: a part of one GPU's memory. */
  readonly gpuMemoryGb: number;
  readonly minCudaCompute: number;
  readonly exclusive: boolean;
  readonly locks: readonly string[];
  /** A slot is all it needs. */
  readonly plain: boolean;
}

export function demandOf({ resources, exclusive, alternatives }: Needs): Demand {
  const { cpu = 0, memory_gb = 0, gpu = 0, gpu_memory_gb = 0, locks = [] } = resources;
  const plain = !exclusive && cpu === 0 && memory_gb === 0 && gpu === 0 && gpu_memory_gb === 0 && locks.length === 0;
  const minCudaCompute = Math.max(0, ...alternatives.map((one) => one.min_cuda_compute ?? 0));
  const memory = { memoryGb: exact(memory_gb), gpuMemoryGb: exact(gpu_memory_gb) };
  return { cpu: exact(cpu), ...memory, gpu, minCudaCompute, exclusive, locks, plain };
}

/** Millionths: so that what is taken and given back in any order leaves nothing behind, which sums of 0.1 would. */
const exact = (amount: number): number => Math.round(amount * 1e6) / 1e6;

interface Gpu {
  readonly index: number;
  readonly memoryGb: number;
  readonly cudaCompute: number;
  freeGb: number;
  /** Attempts that have it or a part of it. */
  holders: number;
}

/** What of a worker is not set aside. Less than nothing when its capabilities shrank under what it holds. */
export interface ResourcePool {
  cpu: number;
  memoryGb: number;
  readonly gpus: Gpu[];
}

/** Workers on one machine. */
export interface Machine {
  readonly hostname: string;
  readonly workers: Set<WorkerRecord>;
  leases: number;
  /** The attempt that has the machine for itself. */
  exclusive: Lease | null;
}

export function capacityOf({ cpu, memory_gb, gpus }: CapabilityDocument): ResourcePool {
  const all = gpus.map(({ index, memory_gb: memoryGb = 0, cuda_compute: cudaCompute = 0 }) => ({
    index,
    memoryGb,
    cudaCompute,
    freeGb: exact(memoryGb),
    holders: 0,
  }));
  return { cpu: exact(cpu.cores), memoryGb: exact(memory_gb), gpus: all };
}

/** The GPUs that an attempt would get, [] when it needs none; null when the worker cannot hold it now. O(GPUs). */
export function reservable(state: State, worker: WorkerRecord, demand: Demand): readonly number[] | null {
  if (demand.plain) return NONE;
  if (demand.locks.some((lock) => state.locks.has(lock))) return null;
  if (demand.exclusive && worker.machine.leases > 0) return null;
  return pick(worker.resources, demand);
}

const NONE: readonly number[] = [];

/** The same without locks and other attempts on the machine: whether a pool holds a demand. */
export function pick(pool: ResourcePool, demand: Demand): readonly number[] | null {
  if (demand.cpu > pool.cpu || demand.memoryGb > pool.memoryGb) return null;
  if (demand.gpu === 0 && demand.gpuMemoryGb === 0) return NONE;
  const usable = pool.gpus.filter((gpu) => gpu.cudaCompute >= demand.minCudaCompute);
  if (demand.gpu > 0) {
    // The smallest that will do, so that large ones stay free for what needs them.
    const whole = usable.filter((gpu) => gpu.holders === 0 && gpu.memoryGb >= demand.gpuMemoryGb);
    if (whole.length < demand.gpu) return null;
    return whole
      .sort((a, b) => a.memoryGb - b.memoryGb || a.index - b.index)
      .slice(0, demand.gpu)
      .map(({ index }) => index);
  }
  // The fullest that still has room.
  const [best] = usable
    .filter((gpu) => gpu.freeGb >= demand.gpuMemoryGb)
    .sort((a, b) => a.freeGb - b.freeGb || a.index - b.index);
  return best ? [best.index] : null;
}

/** Sets aside what a lease needs. Its counterpart is `release`: each is called once for a lease. */
export function reserve(state: State, worker: WorkerRecord, lease: Lease): void {
  const { demand } = lease.task.requirementClass;
  worker.machine.leases += 1;
  if (demand.plain) return;
  settle(worker.resources, lease, -1);
  for (const lock of demand.locks) state.locks.set(lock, lease);
  if (demand.exclusive) worker.machine.exclusive = lease;
}

export function release(state: State, worker: WorkerRecord, lease: Lease): void {
  const { demand } = lease.task.requirementClass;
  worker.machine.leases -= 1;
  if (demand.plain) return;
  settle(worker.resources, lease, 1);
  for (const lock of demand.locks) if (state.locks.get(lock) === lease) state.locks.delete(lock);
  if (worker.machine.exclusive === lease) worker.machine.exclusive = exclusiveOn(worker.machine);
}

/** There may be several when workers with such attempts turned out to be on one machine. */
function exclusiveOn({ workers }: Machine): Lease | null {
  for (const { leases } of workers)
    for (const lease of leases.values()) if (lease.task.requirementClass.demand.exclusive) return lease;
  return null;
}

/** Takes a lease's share out of a pool (-1) or puts it back (1). */
export function settle(pool: ResourcePool, lease: Lease, sign: 1 | -1): void {
  const { demand } = lease.task.requirementClass;
  pool.cpu = exact(pool.cpu + sign * demand.cpu);
  pool.memoryGb = exact(pool.memoryGb + sign * demand.memoryGb);
  for (const index of lease.gpus) {
    const gpu = pool.gpus.find((one) => one.index === index);
    // A GPU may have disappeared meanwhile.
    if (!gpu) continue;
    gpu.holders -= sign;
    gpu.freeGb = exact(gpu.freeGb + sign * (demand.gpu > 0 ? gpu.memoryGb : demand.gpuMemoryGb));
  }
}

/** What of a worker is free once the capabilities are others: all of it less what its leases hold. */
export function poolOf(capabilities: CapabilityDocument, leases: Iterable<Lease>): ResourcePool {
  const pool = capacityOf(capabilities);
  for (const lease of leases) settle(pool, lease, -1);
  return pool;
}

export function joinMachine(state: State, worker: WorkerRecord, hostname: string): Machine {
  let machine = state.machines.get(hostname);
  if (!machine) state.machines.set(hostname, (machine = { hostname, workers: new Set(), leases: 0, exclusive: null }));
  machine.workers.add(worker);
  machine.leases += worker.leases.size;
  for (const lease of worker.leases.values())
    if (lease.task.requirementClass.demand.exclusive) machine.exclusive = lease;
  return machine;
}

export function leaveMachine(state: State, worker: WorkerRecord): void {
  const { machine } = worker;
  machine.workers.delete(worker);
  machine.leases -= worker.leases.size;
  if (machine.exclusive?.workerId === worker.workerId) machine.exclusive = exclusiveOn(machine);
  if (machine.workers.size === 0) state.machines.delete(machine.hostname);
}

/** Why a worker could not hold a demand at this moment. */
export function shortages(state: State, worker: WorkerRecord, demand: Demand): string[] {
  const { resources: pool, machine } = worker;
  const reasons: string[] = [];
  if (demand.cpu > pool.cpu) reasons.push(`cpu: wants ${demand.cpu}, has ${round(pool.cpu)} free`);
  if (demand.memoryGb > pool.memoryGb)
    reasons.push(`memory_gb: wants ${demand.memoryGb}, has ${round(pool.memoryGb)} free`);
  if (reasons.length === 0 && pick(pool, demand) === null) reasons.push("its GPUs are taken");
  if (demand.exclusive && machine.leases > 0)
    reasons.push(`wants the machine ${machine.hostname} for itself: ${machine.leases} attempts hold leases on it`);
  for (const lock of demand.locks) {
    const holder = state.locks.get(lock);
    if (holder) reasons.push(`the lock ${lock} is held by task ${holder.task.taskId}`);
  }
  return reasons;
}

const round = (value: number): number => Math.round(value * 100) / 100;
