import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { seededRng } from "../src/base/index.ts";
import { quantile } from "../src/stats/index.ts";
import { startFleet } from "./suite-fleet.ts";
import type { Fleet } from "./suite-fleet.ts";
import { installDebianPackage, succeeds } from "./debian-package.ts";
import { compareOutcomes } from "./outcomes.ts";
import { report } from "./report.ts";
import { reship } from "./reship.ts";

/**
 * Existing suites through Assay against their own way to run in parallel, as wall time of the whole command, discovery and start of
 * programs included; workers wait already, as they do in a fleet. Medians of three alternating rounds.
 */
const ROUNDS = 3;
const SLEEPERS = 4;
const WORKERS = 2;
/** Debian's Python has xdist, and peers run on this Node. */
const path = [dirname(process.execPath), "/usr/bin", process.env["PATH"]].join(delimiter);
const env = { ...process.env, PATH: path, PYTHONDONTWRITEBYTECODE: "1" };
const root = await mkdtemp(join(tmpdir(), "assay-bench-suite-"));

interface Pair {
  assay: number;
  peer: number;
}

/** Seconds of a program to its end; what it says of its tests must be that all passed. */
function seconds(command: readonly string[], cwd: string): number {
  const [program = "", ...args] = command;
  const startedMs = performance.now();
  const { status, stderr, stdout } = spawnSync(program, args, { cwd, env, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0)
    throw new Error(`${command.join(" ")} ended with ${status}: ${stdout.slice(-2_000)}${stderr.slice(-2_000)}`);
  return (performance.now() - startedMs) / 1000;
}

async function compare(fleet: Fleet, folder: string, peer: readonly string[]): Promise<Pair> {
  const assay = fleet.testCommand(folder);
  // The first run finds out how long tests take.
  console.log(`without history ${seconds(assay, folder).toFixed(2)} s`);
  const times: { assay: number[]; peer: number[] } = { assay: [], peer: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.assay.push(seconds(assay, folder));
    times.peer.push(seconds(peer, folder));
    console.log(`Assay ${times.assay.at(-1)?.toFixed(2)} s, peer ${times.peer.at(-1)?.toFixed(2)} s`);
    await delay(200);
  }
  return { assay: quantile(times.assay, 0.5), peer: quantile(times.peer, 0.5) };
}

/** Sleep-bound, most of it in a few tests that stand last. Gives the lower bound on so many workers. */
async function skewedProject(folder: string): Promise<number> {
  await mkdir(folder);
  const rng = seededRng(1);
  const short = Array.from({ length: 60 }, () => 0.2 + rng.next() * 0.8);
  const all = [...short, 6, 6, 6, 18];
  const tests = all.map((time, index) => `def test_${index}():\n    time.sleep(${time.toFixed(3)})\n`);
  await writeFile(join(folder, "test_skewed.py"), `import time\n\n\n${tests.join("\n\n")}`);
  await writeFile(join(folder, "pytest.ini"), "[pytest]\n");
  const total = all.reduce((sum, time) => sum + time, 0);
  return Math.max(...all, total / SLEEPERS);
}

async function tinyProject(folder: string): Promise<void> {
  await mkdir(folder);
  for (let file = 0; file < 40; file += 1) {
    const tests = Array.from({ length: 50 }, (_, index) => `def test_${index}():\n    assert ${index} >= 0\n`);
    await writeFile(join(folder, `test_tiny_${file}.py`), tests.join("\n\n"));
  }
  await writeFile(join(folder, "pytest.ini"), "[pytest]\n");
}

async function vitestProject(folder: string): Promise<void> {
  await mkdir(folder);
  const packages = join(import.meta.dirname, "..", "node_modules");
  await symlink(packages, join(folder, "node_modules"));
  // Workers install packages in a step of set-up; here it only puts a link in place.
  const setup = [{ run: `ln -s '${packages}' node_modules` }];
  await writeFile(join(folder, "assay.yaml"), JSON.stringify({ suites: [{ framework: "vitest", setup }] }));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", devDependencies: { vitest: "*" } }));
  await writeFile(join(folder, "vitest.config.js"), "export default { test: { watch: false } };\n");
  for (let file = 0; file < 300; file += 1) {
    const text = `import { expect, test } from "vitest";\ntest("sums ${file}", () => expect(${file} + 1).toBe(${file + 1}));\n`;
    await writeFile(join(folder, `sum-${file}.test.js`), text);
  }
}

const round3 = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Each gives figures; a name on the command line picks one. */
const parts = { skewed, tiny, vitest, workspace, outcomes: () => compareOutcomes() };

async function skewed(): Promise<Record<string, number>> {
  if (!hasXdist()) return {};
  const folder = join(root, "skewed");
  const bound = await skewedProject(folder);
  await using fleet = await startFleet({ root: join(root, "sleepers"), workers: SLEEPERS, env });
  const { assay, peer } = await compare(fleet, folder, xdist(SLEEPERS));
  return {
    skewed_bound_ratio: round3(assay / bound),
    skewed_xdist_bound_ratio: round3(peer / bound),
    skewed_vs_xdist: round3(assay / peer),
  };
}

async function tiny(): Promise<Record<string, number>> {
  if (!hasXdist()) return {};
  const folder = join(root, "tiny");
  await tinyProject(folder);
  await using fleet = await startFleet({ root: join(root, "tiny-fleet"), workers: WORKERS, env });
  const { assay, peer } = await compare(fleet, folder, xdist(WORKERS));
  return { tiny_vs_xdist: round3(assay / peer) };
}

async function vitest(): Promise<Record<string, number>> {
  const folder = join(root, "vitest");
  await vitestProject(folder);
  await using fleet = await startFleet({ root: join(root, "vitest-fleet"), workers: WORKERS, env });
  const program = join(folder, "node_modules", "vitest", "vitest.mjs");
  const { assay, peer } = await compare(fleet, folder, [
    ...[process.execPath, program, "run", `--maxWorkers=${WORKERS}`],
  ]);
  return { vitest_ratio: round3(assay / peer) };
}

async function workspace(): Promise<Record<string, number>> {
  await using fleet = await startFleet({ root: join(root, "workspace-fleet"), workers: WORKERS, env });
  const figures = Object.entries(await reship(fleet, join(root, "reship")));
  return Object.fromEntries(figures.map(([name, value]) => [name, round3(value)]));
}

function hasXdist(): boolean {
  if (succeeds("/usr/bin/python3", ["-c", "import pytest, xdist"]) || installDebianPackage("python3-pytest-xdist"))
    return true;
  console.log("skipped a comparison with xdist: install python3-pytest-xdist");
  return false;
}

function xdist(workers: number): string[] {
  return ["/usr/bin/python3", "-m", "pytest", "-q", "-n", String(workers)];
}

const { positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const unknown = positionals.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) throw new Error(`there is no part ${unknown}; there are ${Object.keys(parts).join(", ")}`);
const figures: Record<string, number> = {};
try {
  for (const [name, part] of Object.entries(parts))
    if (positionals.length === 0 || positionals.includes(name)) Object.assign(figures, await part());
} finally {
  await rm(root, { recursive: true, force: true });
}
report("suite", figures);
