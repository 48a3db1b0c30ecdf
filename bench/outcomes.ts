import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { TestOutcome } from "../src/contracts/index.ts";
import { differingNames, outcomesAlone, outcomesTold, wordsOf } from "../test/support/framework-alone.ts";
import type { Alone, Outcomes } from "../test/support/framework-alone.ts";
import { MAIN } from "../test/support/assay-process.ts";
import { thirdPartySuites } from "./third-party-suites.ts";
import type { ThirdPartySuite } from "./third-party-suites.ts";

/** Debian's Python has pytest, and this Node is the one that runs tests; what changes how Python runs is not handed on to workers, so it must not count for the framework alone. */
const env = Object.fromEntries(
  Object.entries({
    ...process.env,
    PATH: [dirname(process.execPath), "/usr/bin", process.env["PATH"]].join(delimiter),
  }).filter(([name]) => !name.startsWith("PYTHON")),
);

interface Told {
  tests: { id: string; outcome: TestOutcome }[];
  problems: { file: string | null }[];
}

/** Compared tests, those with another outcome, and those that differ between two runs of the framework alone. */
interface Compared {
  tests: number;
  differences: number;
  unsteady: number;
}

/**
 * What becomes of each test of suites that others wrote: by the report of the framework alone, and on two workers. Gives the figures; `only`
 * names suites.
 */
export async function compareOutcomes(only: readonly string[] = []): Promise<Record<string, number>> {
  const root = await mkdtemp(join(tmpdir(), "assay-bench-outcomes-"));
  const sum: Compared = { tests: 0, differences: 0, unsteady: 0 };
  try {
    for (const suite of thirdPartySuites.filter(({ name }) => only.length === 0 || only.includes(name))) {
      const found = await compareSuite(suite, join(root, suite.name));
      if (found === undefined) continue;
      console.log(`${suite.name}: ${found.tests} tests, ${found.differences} differ, ${found.unsteady} are unsteady`);
      for (const key of Object.keys(sum) as (keyof Compared)[]) sum[key] += found[key];
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return { outcome_tests: sum.tests, outcome_differences: sum.differences, outcome_unsteady: sum.unsteady };
}

async function compareSuite(suite: ThirdPartySuite, root: string): Promise<Compared | undefined> {
  await mkdir(root);
  const place = await suite.get(root);
  if (place === undefined) return undefined;
  const run: Alone = { framework: suite.framework, ...place, env };
  const report = join(root, "report");
  const alone = await outcomesAlone(run, report);
  const told = onWorkers(run, join(root, "data"));
  const names = differingNames(alone, told);
  // What differs from itself says nothing of us.
  const again = names.length === 0 ? alone : await outcomesAlone(run, report);
  const unsteady = names.filter((name) => wordsOf(alone, name) !== wordsOf(again, name));
  for (const name of names) {
    const word = unsteady.includes(name) ? "unsteady" : "differs";
    console.log(
      `${word}: ${name}: alone ${wordsOf(alone, name)}, then ${wordsOf(again, name)}; Assay ${wordsOf(told, name)}`,
    );
  }
  const tests = [...alone.values()].flat().length;
  return { tests, differences: names.length - unsteady.length, unsteady: unsteady.length };
}

function onWorkers({ framework, folder, arguments: given }: Alone, data: string): Outcomes {
  const line = [MAIN, "test", folder, "--framework", framework, "--json", "--data-dir", data, "--", ...given];
  const { stdout, stderr } = spawnSync(process.execPath, line, { env, encoding: "utf8", maxBuffer: 2 ** 30 });
  if (!stdout.includes('"tests"')) throw new Error(`assay test told nothing: ${stdout}${stderr.slice(-2_000)}`);
  const { tests, problems } = JSON.parse(stdout) as Told;
  return outcomesTold(framework, tests, problems);
}
