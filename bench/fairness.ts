import { seededRng } from "../src/base/index.ts";
import { boundMs } from "../src/scheduler/fairness.ts";
import type { ShareNode } from "../src/scheduler/share-tree.ts";
import { report } from "./report.ts";
import { VirtualFleet, commandTask } from "./virtual-fleet.ts";

/**
 * Twenty users with weights from 1 to 5 and demands from a little to far more than their share, one to four runs each, on ten
 * alike workers with four slots that are never idle. Jain's index of (slot-time received / weight), over users whose demand lasts as long as
 * is measured: 1 when each gets exactly what its weight says.
 *
 * Waits: each time a ready user or run is passed over, a clock starts; it stops when it gets a lease. Checked apart from the
 * scheduler's own order: it may come after siblings that the stated bound lets come first, and after one lease of each other.
 */
const USERS = 20;
const WORKERS = 10;
const SLOTS = 4;
const MEASURED_MS = 1_800_000;
const WARM_UP_MS = 120_000;
const SEEDS = 5;
const LONGEST_MS = 8_000;

interface Outcome {
  jain: number;
  waits: number;
  beyond: number;
  longestMs: number;
}

function outcomeOf(seed: number): Outcome {
  const rng = seededRng(seed);
  const fleet = new VirtualFleet((task) => 1_000 + ((task.order * 7_919) % (LONGEST_MS - 1_000)));
  for (let index = 0; index < WORKERS; index += 1)
    fleet.addWorker({ name: `worker-${index}`, model: "alike", speed: 1, slots: SLOTS, reserve: 0 });
  const weights = new Map<string, number>();
  const busy = new Set<string>();
  for (let index = 0; index < USERS; index += 1) {
    const user = `user-${index}`;
    const weight = 1 + (index % 5);
    weights.set(user, weight);
    fleet.execute({ type: "set_share", kind: "user", name: user, weight, maxRunning: null, by: "bench" });
    const isBusy = index % 4 !== 3;
    if (isBusy) busy.add(user);
    // Enough for all of the time, or a burst that is soon served.
    const total = isBusy ? 1_500 * weight + rng.below(1_000) : 30 + rng.below(100);
    const runs = 1 + rng.below(4);
    for (let run = 0; run < runs; run += 1)
      fleet.submit(
        Array.from({ length: Math.ceil(total / runs) }, (_, task) => commandTask(`t${task}`, "same")),
        { user },
      );
  }
  const got = slotTime(fleet);
  const waits = watchWaits(fleet);
  fleet.run(WARM_UP_MS + MEASURED_MS);
  const shares = [...busy].map((user) => (got.get(user) ?? 0) / (weights.get(user) ?? 1));
  const sum = shares.reduce((total, one) => total + one, 0);
  const squares = shares.reduce((total, one) => total + one * one, 0);
  return { jain: (sum * sum) / (shares.length * squares), ...waits };
}

/** Time on slots by user, after the warm-up. */
function slotTime(fleet: VirtualFleet): Map<string, number> {
  const got = new Map<string, number>();
  fleet.observe(({ event }) => {
    if (event.type !== "attempt_finished" || event.startedAtMs === null) return;
    const user = fleet.state.runs.get(event.runId)?.submittedBy ?? "";
    const spentMs = event.finishedAtMs - Math.max(event.startedAtMs, WARM_UP_MS);
    if (spentMs > 0) got.set(user, (got.get(user) ?? 0) + spentMs);
  });
  return got;
}

/** Follows how long ready users and runs go without a lease. */
function watchWaits(fleet: VirtualFleet): Pick<Outcome, "waits" | "beyond" | "longestMs"> {
  const seen = { waits: 0, beyond: 0, longestMs: 0 };
  const since = new Map<ShareNode, { fromMs: number; allowedMs: number }>();
  fleet.observe(({ event, atMs }) => {
    if (event.type !== "attempt_leased") return;
    const leaf = fleet.state.runs.get(event.runId)?.node;
    for (let served = leaf; served?.parent; served = served.parent) {
      const wait = since.get(served);
      since.delete(served);
      if (wait) {
        const waitedMs = atMs - wait.fromMs;
        seen.waits += 1;
        seen.longestMs = Math.max(seen.longestMs, waitedMs);
        if (waitedMs > wait.allowedMs) seen.beyond += 1;
      }
      for (const node of served.parent.all.values()) {
        if (node.waiting === 0) since.delete(node);
        else if (!since.has(node)) since.set(node, { fromMs: atMs, allowedMs: allowedMs(node) });
      }
    }
  });
  return seen;
}

/** The stated bound against the strongest sibling, and the service of one lease of each sibling, on every level up to the root. */
function allowedMs(node: ShareNode): number {
  let allowed = 0;
  for (let at: ShareNode = node; at.parent; at = at.parent) {
    const siblings = [...at.parent.all.values()].filter((one) => one !== at);
    // A sibling is strongest while it holds nothing.
    const bounds = siblings.map((other) => boundMs(at, { ...other, running: 0 }));
    allowed += Math.max(0, ...bounds) + (siblings.length + 1) * LONGEST_MS;
  }
  return allowed;
}

const outcomes = Array.from({ length: SEEDS }, (_, seed) => outcomeOf(seed + 1));
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
report("fairness", {
  seeds: SEEDS,
  jain: rounded(outcomes.reduce((sum, one) => sum + one.jain, 0) / SEEDS),
  jain_worst: rounded(Math.min(...outcomes.map((one) => one.jain))),
  waits: outcomes.reduce((sum, one) => sum + one.waits, 0),
  waits_beyond_bound: outcomes.reduce((sum, one) => sum + one.beyond, 0),
  longest_wait_ms: Math.round(Math.max(...outcomes.map((one) => one.longestMs))),
});
