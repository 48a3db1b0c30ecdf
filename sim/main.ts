import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { report } from "../bench/report.ts";
import { SOMETIMES } from "./coverage.ts";
import type { Sometimes } from "./coverage.ts";
import { runSeed } from "./run-seed.ts";
import type { Outcome } from "./run-seed.ts";

/**
 * `npm run sim -- --seeds N --events M [--seed S] [--json]`: N simulations of a whole cluster under faults, each about M events
 * long, over all cores. Seeds count from `--from`, 1 by default; `--seed S` runs the one seed S and shows its options.
 *
 * An event is a step that the simulator takes (a frame, an answer of the store or a request of a client arrives, a timer fires,
 * a worker does something, a fault begins or ends), or a journal event that is applied to a state: by the leader, by the
 * follower that checks it, or by a leader that replays the journal. What the checks themselves do is not counted. The rate is per core: all
 * events by the processor time of all processes, start-up included.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    events: { type: "string", default: "20000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    json: { type: "boolean", default: false },
    part: { type: "string" },
    parts: { type: "string", default: "1" },
  },
});

interface Part {
  outcomes: Outcome[];
  cpuSeconds: number;
}

async function runPart(part: number, parts: number): Promise<Part> {
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const outcomes: Outcome[] = [];
  for (let seed = from + part; seed < from + count; seed += parts)
    outcomes.push(await runSeed(seed, Number(values.events)));
  const { user, system } = process.cpuUsage();
  return { outcomes, cpuSeconds: (user + system) / 1e6 };
}

/** One process for each core, each with every n-th seed. */
async function runAll(): Promise<Part[]> {
  if (values.seed !== undefined) return [await runPart(0, 1)];
  const parts = Math.min(availableParallelism(), Number(values.seeds));
  return Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const words = process.argv.slice(2).filter((word) => word !== "--json");
      const child = fork(import.meta.filename, [...words, "--part", String(part), "--parts", String(parts)], {
        // Most of what a simulation makes is soon forgotten: a larger nursery, fewer collections.
        execArgv: ["--max-semi-space-size=64"],
      });
      return new Promise<Part>((resolve, reject) => {
        child.on("message", (message) => resolve(message as Part));
        child.on("exit", (code) => code !== 0 && reject(new Error(`a part of the simulation ended with ${code}`)));
      });
    }),
  );
}

function show({ seed, violation }: Outcome): void {
  if (!violation) return;
  console.log(`\nseed ${seed} violates ${violation.rule}: ${violation.message}`);
  console.log(`options: ${JSON.stringify(violation.options)}`);
  console.log("the last events:");
  for (const event of violation.last.slice(-20)) console.log(`  ${JSON.stringify(event).slice(0, 300)}`);
  console.log(`again: npm run sim -- --seed ${seed} --events ${values.events}`);
}

function showCoverage(outcomes: readonly Outcome[]): number {
  const counts = new Map<Sometimes, number>();
  for (const { coverage } of outcomes)
    for (const [what, count] of coverage) counts.set(what, (counts.get(what) ?? 0) + count);
  for (const what of SOMETIMES) if (counts.has(what)) console.log(`${what.padEnd(32)} ${counts.get(what) ?? 0}`);
  const never = SOMETIMES.filter((what) => !counts.has(what));
  console.log(never.length === 0 ? "every state was reached" : `never reached: ${never.join("; ")}`);
  return never.length;
}

async function main(): Promise<void> {
  const startMs = performance.now();
  const parts = await runAll();
  const outcomes = parts.flatMap((part) => part.outcomes).toSorted((a, b) => a.seed - b.seed);
  for (const outcome of outcomes) show(outcome);
  if (values.seed !== undefined) console.log(JSON.stringify(outcomes.map(({ coverage: _coverage, ...rest }) => rest)));
  const neverReached = showCoverage(outcomes);
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, one) => total + of(one), 0);
  const events = sum((one) => one.events);
  const violations = outcomes.filter(({ violation }) => violation !== null).length;
  report("sim", {
    seeds: outcomes.length,
    events,
    journal_events: sum((one) => one.journalEvents),
    virtual_hours: Math.round(sum((one) => one.virtualMs) / 3_600_000),
    seconds: Math.round((performance.now() - startMs) / 1000),
    events_per_second: Math.round(events / parts.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0)),
    states_never_reached: neverReached,
    violations,
  });
  process.exitCode = violations === 0 ? 0 : 1;
}

if (values.part === undefined) await main();
else {
  const part = await runPart(Number(values.part), Number(values.parts));
  process.send?.(part, () => process.disconnect());
}
