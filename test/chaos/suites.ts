// `npm run chaos:suites`: the example of each framework on two workers, one of which is killed in the middle, against the same without a kill.
//   --framework NAME   only this one (several times)
//   --json             prints what was found as one object at the end
import { spawnSync } from "node:child_process";
import { cp, realpath, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { all, Site, workersReady } from "../support/assay-process.ts";
import type { AssayProcess, RunningCoordinator } from "../support/assay-process.ts";

const root = join(import.meta.dirname, "..", "..");

/** What a framework needs on this machine, and how long its tests may take: those that hang are ended then. */
const examples: Readonly<Record<string, { needs?: readonly string[]; limit?: string }>> = {
  pytest: { needs: ["python3", "-c", "import pytest"] },
  vitest: {},
  jest: {},
  "node-test": {},
  mocha: {},
  playwright: { needs: ["/usr/bin/chromium", "--version"], limit: "30s" },
  go: { needs: ["go", "version"] },
  cargo: { needs: ["cargo", "--version"] },
};
/** Of an attempt that is killed: its process has started. */
const LEAST_MS = 150;
/** Outcomes of a test that fails now and then: which of them it has is chance. */
const OF_CHANCE = "passed or failed by chance";

interface Told {
  run_id: string;
  exit_code: number;
  tests: { id: string; outcome: string; retries?: number; worker_id: string | null }[];
}

interface Found {
  framework: string;
  tests: number;
  outcomes: Record<string, number>;
  /** Attempts that were running when their worker was killed. */
  lost: number;
  doubled: string[];
  differing: string[];
}

/** By id; what passes in the end after a try that failed is of chance. */
function outcomesOf({ tests }: Told): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { id, outcome, retries = 0 } of tests)
    found.set(id, [...(found.get(id) ?? []), outcome === "passed" && retries > 0 ? OF_CHANCE : outcome]);
  return found;
}

function differing(one: Map<string, string[]>, other: Map<string, string[]>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((id) => {
    const [a = "not told", b = "not told"] = [one.get(id)?.join(), other.get(id)?.join()];
    const isChance =
      [a, b].includes(OF_CHANCE) && [a, b].every((word) => ["passed", "failed", OF_CHANCE].includes(word));
    return a === b || isChance ? [] : [`${id}: ${a} without a kill, ${b} with one`];
  });
}

async function tested(testing: AssayProcess): Promise<Told> {
  const { stdout, stderr } = await testing.ended;
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return JSON.parse(stdout) as Told;
}

/** Kills the worker of an attempt that is under way, once something was told if that comes first, and gives how many attempts that worker had. */
async function killOne(
  link: RunningCoordinator,
  workers: ReadonlyMap<string, AssayProcess>,
  ended: () => boolean,
): Promise<number> {
  const sinceMs = new Map<string, number>();
  while (!ended()) {
    const attempts = await all(link.client.attempts({}));
    const running = attempts.filter(({ status }) => status === "running");
    for (const { task_id: id } of running) sinceMs.set(id, sinceMs.get(id) ?? performance.now());
    const isTold = attempts.some(({ status }) => status === "succeeded" || status === "failed");
    const victim = running.find(({ task_id: id }) => isTold || performance.now() - (sinceMs.get(id) ?? 0) > LEAST_MS);
    if (victim !== undefined) {
      const names = new Map((await all(link.client.workers({}))).map(({ worker_id: id, name }) => [id, name]));
      await workers.get(names.get(victim.worker_id) ?? "")?.stop("SIGKILL");
      return running.filter(({ worker_id: id }) => id === victim.worker_id).length;
    }
    await delay(20);
  }
  return 0;
}

async function prove(framework: string, limit: string): Promise<Found> {
  const runs: Told[] = [];
  let lost = 0;
  for (const kills of [false, true]) {
    await using site = await Site.open();
    const folder = site.path(framework);
    await cp(join(root, "examples", framework), folder, { recursive: true });
    const packages = await realpath(join(root, "node_modules"));
    await symlink(packages, join(folder, "node_modules"));
    const link = await site.coordinator(0, "--heartbeat-interval", "1", "--worker-timeout", "5");
    const workers = new Map(["one", "two"].map((name) => [name, site.worker(name, link, "--slots", "1")]));
    await workersReady(link.client, workers.size);
    const limits = ["--retries", "1", "--test-timeout", limit, "--in-place"];
    const testing = site.start(["test", folder, "--framework", framework, "--json", ...limits, ...link.flags]);
    let isEnded = false;
    void testing.ended.then(() => (isEnded = true));
    if (kills) lost = await killOne(link, workers, () => isEnded);
    runs.push(await tested(testing));
  }
  const [whole, killed] = runs as [Told, Told];
  const outcomes = outcomesOf(killed);
  const counts: Record<string, number> = {};
  for (const { outcome } of killed.tests) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return {
    framework,
    tests: killed.tests.length,
    outcomes: counts,
    lost,
    doubled: [...outcomes].flatMap(([id, words]) => (words.length > 1 ? [id] : [])),
    differing: differing(outcomesOf(whole), outcomes),
  };
}

const { values } = parseArgs({
  options: { framework: { type: "string", multiple: true }, json: { type: "boolean", default: false } },
});
const wanted = values.framework ?? Object.keys(examples);
const proven: Found[] = [];
for (const framework of wanted) {
  const example = examples[framework];
  if (example === undefined) throw new Error(`there is no example of ${framework}`);
  const [program, ...args] = example.needs ?? [];
  if (program !== undefined && spawnSync(program, args).status !== 0) {
    console.log(`${framework}: left out, ${example.needs?.join(" ")} does not work here`);
    continue;
  }
  const found = await prove(framework, example.limit ?? "5s");
  proven.push(found);
  const counts = Object.entries(found.outcomes).map(([word, count]) => `${count} ${word}`);
  console.log(`${framework}: ${found.tests} tests (${counts.join(", ")}), ${found.lost} attempts lost with a worker`);
  for (const line of [...found.differing, ...found.doubled.map((id) => `${id}: told twice`)]) console.log(`  ${line}`);
}
const bad = proven.filter(({ differing: lines, doubled, lost }) => lines.length + doubled.length > 0 || lost === 0);
if (values.json) console.log(JSON.stringify({ proven, bad: bad.map(({ framework }) => framework) }));
process.exitCode = bad.length === 0 ? 0 : 1;
