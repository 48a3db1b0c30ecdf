import { mkdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Site, assay } from "../support/assay-process.ts";
import { audit } from "./audit.ts";
import type { Audit } from "./audit.ts";
import { Cluster } from "./cluster.ts";
import { Load } from "./load.ts";
import { WORKERS, planFaults } from "./plan.ts";
import type { FaultKind } from "./plan.ts";

const SETTLE_LIMIT_MS = 240_000;
const SAMPLE_MS = 1_000;
/** A process that has just begun fills its heap and its caches: that is no leak. */
const WARM_MS = 60_000;

export interface ChaosReport extends Audit {
  faults: Partial<Record<FaultKind, number>>;
  /** Kinds of faults that this machine does not allow, and why. */
  skipped: string[];
  surprises: string[];
  settled: boolean;
  verified: boolean;
  /** Within the coordinator's processes once each is warm, by least squares; NaN when none became so old. */
  rssSlopeMbPerMinute: number;
}

/** Runs a real cluster under faults, heals it, waits for its end, and audits what is left. */
export async function chaos(options: {
  durationMs: number;
  seed: number;
  say?: (text: string) => void;
}): Promise<ChaosReport> {
  const { durationMs, seed, say = () => undefined } = options;
  await using site = await Site.open();
  const ranFolder = site.path("ran");
  await mkdir(ranFolder);
  const cluster = await Cluster.start(site);
  try {
    const load = new Load({ url: cluster.url, token: cluster.adminToken }, { seed, ranFolder });
    await load.untilReady(WORKERS / 2);
    const memory = watchMemory(cluster);
    const faults = await inflict(cluster, { durationMs, seed, say });
    await load.stop();
    say(`healed; ${load.accepted.length} runs were accepted`);
    const settled = await load.untilDone(SETTLE_LIMIT_MS);
    const rssSlopeMbPerMinute = memory.stop();
    await cluster.stopAll();
    const dataDir = site.path("data");
    const { code } = await assay("verify", "--data-dir", dataDir, "--json");
    const found = await audit({ dataDir, accepted: load.accepted, ranFolder });
    const skipped = ["clock shift: the clock of the machine is everybody's"];
    if (cluster.noDisk !== null) skipped.push(`full disk: ${cluster.noDisk}`);
    return {
      ...found,
      faults,
      skipped,
      surprises: cluster.surprises,
      settled,
      verified: code === 0,
      rssSlopeMbPerMinute,
    };
  } finally {
    await cluster.stopAll();
    cluster.unmount();
  }
}

/** Follows the plan; resolves when the last fault is over, with how many of each kind there were. */
async function inflict(
  cluster: Cluster,
  { durationMs, seed, say }: { durationMs: number; seed: number; say: (text: string) => void },
): Promise<ChaosReport["faults"]> {
  const done: ChaosReport["faults"] = {};
  const startMs = performance.now();
  const under: Promise<void>[] = [];
  for (const fault of planFaults(seed, durationMs)) {
    await delay(Math.max(startMs + fault.atMs - performance.now(), 0));
    const { kind, worker, lastsMs } = fault;
    say(`${(fault.atMs / 1000).toFixed(1).padStart(6)} s  ${kind} w${worker} ${lastsMs} ms`);
    const applied = Promise.resolve(cluster.apply(fault)).then((hit) => {
      if (hit) done[kind] = (done[kind] ?? 0) + 1;
    });
    under.push(applied);
  }
  await Promise.all(under);
  return done;
}

/** Looks at the coordinator's memory once a second. */
function watchMemory(cluster: Cluster): { stop(): number } {
  const lives = new Map<number, Sample[]>();
  const timer = setInterval(() => {
    const running = cluster.coordinatorProcess;
    if (!running || performance.now() - running.startedMs < WARM_MS) return;
    void readFile(`/proc/${running.pid}/status`, "utf8").then(
      (text) => {
        const kib = Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]);
        const samples = lives.get(running.pid) ?? [];
        lives.set(running.pid, samples);
        if (kib > 0) samples.push({ minutes: performance.now() / 60_000, mb: kib / 1024 });
      },
      () => undefined,
    );
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return slopeWithin([...lives.values()]);
    },
  };
}

interface Sample {
  minutes: number;
  mb: number;
}

/** One slope for all lives, each with a level of its own: a new process that needs less than the old one is no shrinkage. */
function slopeWithin(lives: readonly (readonly Sample[])[]): number {
  let above = 0;
  let below = 0;
  for (const samples of lives) {
    const meanX = samples.reduce((sum, { minutes }) => sum + minutes, 0) / samples.length;
    const meanY = samples.reduce((sum, { mb }) => sum + mb, 0) / samples.length;
    for (const { minutes, mb } of samples) {
      above += (minutes - meanX) * (mb - meanY);
      below += (minutes - meanX) ** 2;
    }
  }
  return above / below;
}
