import { join } from "node:path";
import { PlainStarter } from "../frameworks/index.ts";
import { analyseNeeds, withFound } from "../planner/index.ts";
import type { NeedFinding, Needs, NeedyTest } from "../planner/index.ts";
import { fit } from "../scheduler/index.ts";
import type { CliContext } from "./context.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { needText } from "./need-lines.ts";
import type { RunSession } from "./perform-run.ts";
import { countText } from "./quantities.ts";

/** What the text of a suite's tests says that they need. */
export function findNeeds(
  folder: string,
  { suite, discovery }: DiscoveredSuite,
  context: CliContext,
): Promise<NeedFinding[]> {
  const starter = new PlainStarter({ ...context.env, ...suite.env });
  return analyseNeeds(folder, { suite, tests: discovery.tests, starter });
}

/**
 * Asks for what tests certainly need where a worker of the pool has it; where none has, they run anywhere and skip themselves, which is
 * told. Workers that the command starts are all on this machine: there it makes no difference.
 */
export async function withFoundNeeds(
  { client, baseUrl, context, screen }: RunSession,
  tests: readonly NeedyTest[],
  of: { folder: string; suite: DiscoveredSuite; pool: string },
): Promise<NeedyTest[]> {
  if (baseUrl === null) return [...tests];
  const findings = await findNeeds(of.folder, of.suite, context);
  const workers: Parameters<typeof fit>[1][] = [];
  for await (const worker of client.workers({})) {
    if (worker.status !== "lost" && worker.status !== "left") workers.push(worker.capabilities);
  }
  const canMeet = ({ requirements, resources }: Required<Needs>): boolean => {
    const needs = { type: "suite", pool: of.pool, alternatives: [requirements], resources, exclusive: false } as const;
    return workers.some((worker) => fit(needs, worker).fits);
  };
  const { tests: needy, unmet } = withFound(tests, findings, canMeet);
  for (const { needs, tests: count } of unmet) {
    const where = join(of.suite.suite.framework, of.suite.suite.directory);
    screen.info(
      `${where}: ${countText(count, "test")} would need ${needText(needs)}, which no worker has: run anywhere, where they skip themselves`,
    );
  }
  return needy;
}
