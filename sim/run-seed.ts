import { emptyState, evolve } from "../src/scheduler/index.ts";
import { textOf } from "../src/scheduler/scheduler-acceptance.ts";
import { eventsOf } from "../src/coordinator/recent-events.ts";
import { hashText } from "../src/base/index.ts";
import type { PlacedEvent } from "../src/contracts/index.ts";
import type { Sometimes } from "./coverage.ts";
import { optionsOf } from "./options.ts";
import type { Options } from "./options.ts";
import { Simulation } from "./simulation.ts";
import { Starvation } from "./starvation.ts";
import { Violation, demand } from "./violation.ts";

/** After the last fault, everything must be over within so much virtual time and so many steps. */
const HEALED_WITHIN_MS = 3 * 3_600_000;
const HEALED_WITHIN_STEPS = 400_000;

export interface Outcome {
  seed: number;
  events: number;
  virtualMs: number;
  journalEvents: number;
  /** Of the final state: equal for equal seeds. */
  hash: number;
  coverage: [Sometimes, number][];
  violation: { rule: string; message: string; options: Options; last: PlacedEvent[] } | null;
}

/** Lets every promise that can go on do so: the next tick begins when no microtask is left. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Runs one seed: `events` of work and faults, then the healing, then the last checks. */
export async function runSeed(seed: number, events: number): Promise<Outcome> {
  const sim = new Simulation(optionsOf(seed));
  const onRejection = (error: unknown): void => {
    sim.failure ??= error;
  };
  process.on("unhandledRejection", onRejection);
  try {
    await drive(sim, () => sim.events >= events);
    if (sim.failure === undefined) await finish(sim);
  } catch (error) {
    sim.failure ??= error;
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  return outcomeOf(sim);
}

async function drive(sim: Simulation, isOver: () => boolean): Promise<void> {
  const { world } = sim;
  await settled();
  while (sim.failure === undefined && !isOver()) {
    if (!world.step()) throw new Violation("L7", "nothing will ever happen again");
    await settled();
  }
}

async function finish(sim: Simulation): Promise<void> {
  sim.heal();
  const { world } = sim;
  const starvation = new Starvation(sim);
  const endMs = world.nowMs + HEALED_WITHIN_MS;
  const endSteps = world.steps + HEALED_WITHIN_STEPS;
  await drive(sim, () => starvation.look() && (sim.isDone || world.nowMs > endMs || world.steps > endSteps));
  if (sim.failure !== undefined) return;
  demand(sim.isDone, "L4", () => starvation.describe());
  sim.replica.check();
  checkReplay(sim);
  const { state } = sim.replica;
  const accepted = new Set<number>();
  for (const run of state.runs.values())
    for (const task of run.tasks.values())
      for (const past of task.past) if (past.digest !== null) accepted.add(past.leaseSeq);
  sim.auditor.end((leaseSeq) => accepted.has(leaseSeq));
}

/** S7, S8: the journal as it is stored, read back with its hash chain, gives the same state. */
function checkReplay(sim: Simulation): void {
  const { memory } = sim.store;
  if (!sim.options.exact || memory.firstSeq > 1) return;
  const state = emptyState();
  const batches = memory.read(1, Number.MAX_SAFE_INTEGER);
  for (const batch of batches)
    for (const { event, atMs } of eventsOf(batch, sim.store.codec)) evolve(state, event, atMs);
  const same = textOf(state) === textOf(sim.replica.state);
  demand(same, "S7", () => "the journal read back gives another state");
}

function outcomeOf(sim: Simulation): Outcome {
  const { failure, options, replica, world } = sim;
  return {
    seed: options.seed,
    events: sim.events,
    virtualMs: Math.round(world.nowMs),
    journalEvents: replica.events,
    hash: hashText(textOf(replica.state) + world.steps),
    coverage: [...sim.coverage.counts],
    violation:
      failure === undefined
        ? null
        : {
            rule: failure instanceof Violation ? failure.rule : "crash",
            message: failure instanceof Error ? (failure.stack ?? failure.message) : JSON.stringify(failure),
            options,
            last: replica.last,
          },
  };
}
