import type { CapabilityDocument, TaskSpec, TaskState } from "../src/contracts/index.ts";

/**
 * What the simulator notes of the journal's events, in its own words and without the scheduler's code: what invariants are
 * checked against.
 */
export interface TaskBook {
  readonly run: RunBook;
  readonly id: string;
  readonly spec: TaskSpec;
  readonly order: number;
  state: TaskState;
  readySinceMs: number;
  notBeforeMs: number;
  alternatives: number;
  cancelRequested: boolean;
  leases: LeaseBook[];
  attempts: number;
  /** What the last attempt left for the next. */
  payload: string | null;
  failures: Map<string, number>;
  /** Workers that were lost while they ran it. */
  lostUnder: Set<string>;
  accepted: Set<number>;
}

export interface LeaseBook {
  readonly seq: number;
  readonly task: TaskBook;
  readonly attempt: number;
  readonly worker: WorkerBook;
  readonly gpus: readonly number[];
  readonly atMs: number;
  readonly isHedge: boolean;
  /** In which history of the store it was granted. */
  readonly history: number;
  startedAtMs: number | null;
  revoked: "waiting" | "running" | null;
}

export interface RunBook {
  readonly runId: string;
  readonly pool: string;
  /** The worker whose health it checks. */
  readonly checks: string | null;
  readonly user: string;
  readonly order: number;
  readonly tasks: Map<string, TaskBook>;
  readonly dependents: Map<string, TaskBook[]>;
  readonly groups: Map<string, TaskBook[]>;
  open: number;
  cancelRequested: boolean;
  ended: boolean;
}

export interface WorkerBook {
  readonly workerId: string;
  capabilities: CapabilityDocument;
  incarnation: string;
  slots: number;
  credits: number;
  /** Speaks, and may get work. */
  ready: boolean;
  online: boolean;
  quarantined: boolean;
  heldUntilMs: number;
  draining: boolean;
  lostAtMs: number | null;
  leases: Set<LeaseBook>;
}

export const isOver = (state: TaskState): boolean =>
  state === "completed" || state === "failed" || state === "cancelled" || state === "skipped";

export const isExclusive = ({ spec }: TaskBook): boolean => spec.resources.exclusive ?? spec.type === "benchmark";

/** Stands in a queue: could be leased, if only a worker were free. */
export const isReady = (task: TaskBook): boolean => task.state === "queued" && task.notBeforeMs === 0;

/** Why a worker could not take a task even if nothing ran on it; null when it could. */
export function misfit(task: TaskBook, capabilities: CapabilityDocument): string | null {
  const { spec, run } = task;
  if (!capabilities.pools.includes(run.pool)) return `is not in pool ${run.pool}`;
  if (!capabilities.task_types.includes(spec.type)) return `does not take ${spec.type}`;
  const sets = [spec.requirements.hardware, ...spec.fallback.slice(0, task.alternatives).map((one) => one.hardware)];
  const { min_memory_gb: least = 0 } = spec.requirements;
  if (!sets.some((set) => set === undefined || set.some((platform) => capabilities.hardware.includes(platform))))
    return `has none of the platforms ${JSON.stringify(sets)}`;
  if (capabilities.memory_gb < least) return "has too little memory";
  const { cpu = 0, memory_gb: memory = 0, gpu = 0, gpu_memory_gb: part = 0 } = spec.resources;
  if (cpu > capabilities.cpu.cores || memory > capabilities.memory_gb) return "is too small";
  const gpus = capabilities.gpus.filter((one) => (one.memory_gb ?? 0) >= part);
  if (gpu > gpus.length || (part > 0 && gpus.length === 0)) return "has too few GPUs";
  return null;
}

/** Why a worker has no room for one more lease of a task on these GPUs, counted from the leases that it holds. */
export function shortage(task: TaskBook, worker: WorkerBook, gpus: readonly number[] | null): string | null {
  const { resources } = task.spec;
  let { cpu = 0, memory_gb: memory = 0 } = resources;
  for (const { task: other } of worker.leases) {
    cpu += other.spec.resources.cpu ?? 0;
    memory += other.spec.resources.memory_gb ?? 0;
  }
  const { capabilities } = worker;
  if ((resources.cpu ?? 0) > 0 && cpu > capabilities.cpu.cores + 1e-9) return `${cpu} cores`;
  if ((resources.memory_gb ?? 0) > 0 && memory > capabilities.memory_gb + 1e-9) return `${memory} GB`;
  return gpuShortage(task, worker, gpus);
}

function gpuShortage(task: TaskBook, worker: WorkerBook, gpus: readonly number[] | null): string | null {
  const { gpu = 0, gpu_memory_gb: part = 0 } = task.spec.resources;
  if (gpu === 0 && part === 0) return null;
  const free = worker.capabilities.gpus.map(({ index, memory_gb: memory = 0 }) => ({ index, memory, left: memory }));
  for (const held of worker.leases) {
    const { gpu: whole = 0, gpu_memory_gb: share = 0 } = held.task.spec.resources;
    for (const one of free) if (held.gpus.includes(one.index)) one.left = whole > 0 ? -1 : one.left - share;
  }
  const suits = ({ memory, left }: { memory: number; left: number }): boolean =>
    gpu > 0 ? left === memory && memory >= part : left >= part - 1e-9;
  const wanted = Math.max(gpu, 1);
  const usable = free.filter((one) => suits(one) && (gpus === null || gpus.includes(one.index)));
  if (gpus !== null && gpus.length !== wanted) return `${gpus.length} GPUs for ${wanted}`;
  return usable.length >= wanted ? null : `GPUs ${JSON.stringify(gpus)}, of which ${usable.length} are free`;
}
