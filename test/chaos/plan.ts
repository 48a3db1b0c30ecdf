import { seededRng } from "../../src/base/index.ts";

export const WORKERS = 8;
const LEAST_GAP_MS = 1_500;
const MOST_GAP_MS = 3_000;
/** Nothing breaks while the cluster comes up. */
const FIRST_MS = 2_000;
/** In the second half of such a while the coordinator lives on: whether a process leaks is seen only in one that grows old. */
const WHILE_MS = 600_000;

/** What can be done to the cluster: how often, compared with the others, and for how long it lasts. */
const KINDS = {
  kill_worker: { weight: 6, leastMs: 200, mostMs: 3_000 },
  kill_coordinator: { weight: 2, leastMs: 100, mostMs: 2_000 },
  stop_worker: { weight: 4, leastMs: 500, mostMs: 20_000 },
  stop_coordinator: { weight: 1, leastMs: 500, mostMs: 6_000 },
  cut_link: { weight: 5, leastMs: 0, mostMs: 0 },
  refuse_link: { weight: 2, leastMs: 1_000, mostMs: 10_000 },
  freeze_link: { weight: 3, leastMs: 1_000, mostMs: 20_000 },
  delay_link: { weight: 3, leastMs: 2_000, mostMs: 10_000 },
  fill_disk: { weight: 1, leastMs: 500, mostMs: 5_000 },
} as const;
export type FaultKind = keyof typeof KINDS;

export interface Fault {
  /** From the start. */
  atMs: number;
  kind: FaultKind;
  /** The worker that it hits, or whose link. */
  worker: number;
  lastsMs: number;
}

/** The faults of so much time. The same seed gives the same plan; a longer time only adds to it. */
export function planFaults(seed: number, durationMs: number): Fault[] {
  const rng = seededRng(seed);
  const bag = (Object.keys(KINDS) as FaultKind[]).flatMap((kind) =>
    Array.from({ length: KINDS[kind].weight }, () => kind),
  );
  const faults: Fault[] = [];
  for (let atMs = FIRST_MS; atMs < durationMs; atMs += LEAST_GAP_MS + rng.below(MOST_GAP_MS - LEAST_GAP_MS)) {
    const drawn = bag[rng.below(bag.length)] ?? "kill_worker";
    const kind = drawn === "kill_coordinator" && atMs % WHILE_MS >= WHILE_MS / 2 ? "kill_worker" : drawn;
    const { leastMs, mostMs } = KINDS[kind];
    faults.push({ atMs, kind, worker: rng.below(WORKERS), lastsMs: leastMs + rng.below(mostMs - leastMs + 1) });
  }
  return faults;
}
