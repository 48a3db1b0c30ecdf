import { seededRng } from "../src/base/index.ts";
import type { CapabilityDocument, Hardware, TaskType } from "../src/contracts/index.ts";

export interface WorkerShape {
  name: string;
  slots: number;
  reserve: number;
  /** How much longer than on other machines tasks take. */
  slowness: number;
  capabilities: CapabilityDocument;
}

export interface StoreOptions {
  latencyMs: number;
  /** How often a request goes wrong, in which ways, and how often it is slow. */
  faults: number;
  kinds: ("request lost" | "answer lost" | "late" | "refused")[];
  slow: number;
}

/** One seed of so many is exact. */
const EXACT_EVERY = 16;

/** What happens now and then; the number is how often, relative to the others. */
export const FAULTS = [
  "worker_crash",
  "worker_crash_disk_lost",
  "worker_power_loss",
  "worker_leaves",
  "worker_stopped",
  "coordinator_crash",
  "coordinator_stopped",
  "second_leader",
  "store_down",
  "restore_backup",
  "partition",
  "partition_one_way",
  "drop",
  "half_open",
  "damaged_frame",
  "clock_jump",
  "slow_loop",
  "flapping",
  "all_workers_crash",
  "everything_crashes",
  "connection_storm",
  "swizzle",
  "late_frame",
  "disk_fails",
  "capabilities",
  "rewrite_result",
  "wrong_held",
  "forget_lease",
  "forge_result",
] as const;
export type Fault = (typeof FAULTS)[number];

/** What people ask for now and then. */
export const REQUESTS = ["cancel_run", "cancel_task", "drain", "share", "token", "again", "drain_all"] as const;
export type Request = (typeof REQUESTS)[number];

/** Everything that a seed decides about a simulation before it begins. Features that are off stay off throughout. */
export interface Options {
  seed: number;
  workers: WorkerShape[];
  turnMs: number;
  /** Every process has clocks that are off by up to this part. */
  clockError: number;
  heartbeatMs: number;
  workerTimeoutMs: number;
  network: { minMs: number; maxMs: number; twice: number };
  store: StoreOptions;
  /** Mean time between faults, and which there are; none when empty. */
  faultEveryMs: number;
  faults: Fault[];
  requestEveryMs: number;
  requests: Request[];
  runEveryMs: number;
  runs: number;
  runSize: number;
  users: number;
  pools: string[];
  taskMs: number;
  stragglers: number;
  progress: boolean;
  snapshotEvery: number;
  trim: boolean;
  features: {
    hardware: boolean;
    resources: boolean;
    gpus: boolean;
    exclusive: boolean;
    locks: boolean;
    groups: boolean;
    dependencies: boolean;
    priorities: boolean;
    preemption: boolean;
    hedging: boolean;
    fallback: boolean;
    failures: boolean;
    poison: boolean;
    hangs: boolean;
    quotas: boolean;
    kinds: boolean;
  };
  /** Batches are encoded and hashed as in production, and all that is stored is read back: slow, so not in every simulation. */
  exact: boolean;
  /** Constant work, no faults: the shares of users are measured. */
  fair: boolean;
}

/** Draws the options of a seed: a swarm, in which every seed has some features and faults and lacks others (Groce 2012). */
export function optionsOf(seed: number): Options {
  const rng = seededRng(seed * 2_654_435_761 + 1);
  const half = (): boolean => rng.below(2) === 0;
  const some = <Item>(items: readonly Item[], share: number): Item[] => items.filter(() => rng.next() < share);
  const one = <Item>(...items: Item[]): Item => items[rng.below(items.length)] as Item;
  const fair = rng.below(16) === 0;
  const quiet = fair || rng.below(8) === 0;
  const features = {
    hardware: !fair && half(),
    resources: !fair && half(),
    gpus: !fair && half(),
    exclusive: !fair && rng.below(3) === 0,
    locks: !fair && rng.below(3) === 0,
    groups: !fair && rng.below(3) === 0,
    dependencies: !fair && half(),
    priorities: !fair && half(),
    preemption: !fair && half(),
    hedging: !fair && rng.below(3) === 0,
    fallback: !fair && rng.below(3) === 0,
    failures: !fair && half(),
    poison: !fair && rng.below(4) === 0,
    hangs: !fair && rng.below(6) === 0,
    quotas: !fair && rng.below(3) === 0,
    kinds: !fair && half(),
  };
  const pools = !fair && rng.below(3) === 0 ? ["default", "night"] : ["default"];
  const heartbeatMs = one(1_000, 2_000, 5_000);
  return {
    seed,
    workers: workersOf((bound) => rng.below(bound), { features, pools, fair, count: one(1, 2, 3, 4, 6, 9) }),
    turnMs: one(0, 0.5, 1, 3),
    clockError: quiet ? 0 : one(0, 0, 0.1),
    heartbeatMs,
    workerTimeoutMs: 3 * heartbeatMs,
    network: { minMs: 0.2, maxMs: fair ? 1 : one(1, 5, 50, 400), twice: quiet ? 0 : one(0, 0, 0, 0.0005) },
    store: {
      latencyMs: fair ? 1 : one(0.5, 2, 20),
      faults: quiet ? 0 : one(0, 0, 0.002, 0.01),
      kinds: some(["request lost", "answer lost", "late", "refused"] as const, 0.6),
      slow: quiet ? 0 : one(0, 0.02),
    },
    faultEveryMs: one(1_000, 4_000, 15_000),
    faults: quiet ? [] : some(FAULTS, 0.35),
    requestEveryMs: one(500, 2_000, 10_000),
    requests: fair ? [] : some(REQUESTS, 0.6),
    runEveryMs: one(100, 1_000, 5_000),
    runs: fair ? 12 : one(3, 8, 20, 60),
    runSize: fair ? 60 : one(1, 4, 12, 30),
    users: fair ? one(2, 3, 4) : one(1, 2, 3),
    pools,
    taskMs: fair ? 200 : one(20, 200, 2_000),
    stragglers: features.hedging ? 0.1 : 0,
    progress: half(),
    snapshotEvery: one(0, 20, 100, 300),
    trim: half(),
    features,
    exact: seed % EXACT_EVERY === 0,
    fair,
  };
}

type Below = (bound: number) => number;

function workersOf(
  below: Below,
  given: { features: Options["features"]; pools: string[]; fair: boolean; count: number },
): WorkerShape[] {
  const { features, pools, fair, count } = given;
  const shapes: WorkerShape[] = [];
  for (let index = 0; index < count; index += 1) {
    // The first of them can do everything, so that every run can end.
    const able = index === 0 || fair;
    const gpus = features.gpus && (able || below(2) === 0) ? 1 + below(3) : 0;
    const hardware: Hardware[] = features.hardware && (able || below(2) === 0) ? ["cpu", "cuda"] : ["cpu"];
    const types: TaskType[] = able || below(4) > 0 ? ["command", "model", "benchmark"] : ["command"];
    const shared = features.exclusive && index > 0 && below(3) === 0;
    shapes.push({
      name: `w${index}`,
      slots: fair ? 4 : 1 + below(4),
      reserve: fair ? 0 : below(3),
      slowness: features.kinds && !able ? 1 + below(4) : 1,
      capabilities: {
        hostname: shared ? "m0" : `m${index}`,
        os: { platform: "linux", release: "6", arch: "x64" },
        cpu: { model: features.kinds && !able ? `c${below(2)}` : "c", cores: able ? 8 : 2 + below(6), threads: 8 },
        memory_gb: able ? 16 : 4 + below(12),
        disk_free_gb: 1,
        gpus: Array.from({ length: gpus }, (_, place) => gpu(place, able ? 16 : 8)),
        hardware,
        runtimes: [],
        software: {},
        task_types: types,
        labels: below(2) === 0 ? { site: "a" } : {},
        pools: able || below(2) === 0 ? pools : [pools[below(pools.length)] ?? "default"],
      },
    });
  }
  return shapes;
}

const gpu = (index: number, memoryGb: number): CapabilityDocument["gpus"][number] => ({
  index,
  vendor: "v",
  name: `g${memoryGb}`,
  memory_gb: memoryGb,
  cuda_compute: 8,
});
