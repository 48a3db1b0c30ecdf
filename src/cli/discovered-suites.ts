import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { assayError } from "../contracts/index.ts";
import type { FrameworkName, Project, ProjectSuite } from "../contracts/index.ts";
import { frameworks, PlainStarter } from "../frameworks/index.ts";
import type { Discovery, DiscoveryDetail, Framework, FrameworkPlace } from "../frameworks/index.ts";
import { findSuites } from "../planner/index.ts";
import type { FoundSuite } from "../planner/index.ts";
import type { CliContext } from "./context.ts";

/** A suite with the tests that its framework named. */
export interface DiscoveredSuite extends FoundSuite {
  framework: Framework;
  discovery: Discovery;
}

export interface DiscoveryWish {
  folder: string;
  project: Project;
  /** Only these frameworks; empty: all. */
  only: readonly FrameworkName[];
  /** Arguments for the framework, of which there must be one then. */
  given: readonly string[];
  /** What workers made in here of the same project are no tests of it. */
  dataDir: string;
  /** How much has to be known of the tests of a suite. */
  detail: (suite: FoundSuite["suite"]) => DiscoveryDetail;
}

/** Asks each framework of a project for its tests. Errors: no_tests_found, framework_missing, discovery_failed, usage. */
export async function discoverSuites(wish: DiscoveryWish, context: CliContext): Promise<DiscoveredSuite[]> {
  const { folder, project, only, given } = wish;
  const found = await findSuites(folder, project, only);
  if (given.length > 0 && found.length > 1) {
    const names = found.map(({ suite }) => `${suite.framework} in ${suite.directory}`).join(", ");
    throw assayError("usage", `arguments for a framework, and there are several: ${names}`, {
      next: "Name one with --framework, or give the folder of one.",
    });
  }
  const scratch = await mkdtemp(join(tmpdir(), "assay-discover-"));
  try {
    const suites: DiscoveredSuite[] = [];
    // One after the other: each may take all cores.
    for (const one of found) suites.push(await discoverOne(one, { wish, scratch, context }));
    return suites;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function discoverOne(
  found: FoundSuite,
  { wish, scratch, context }: { wish: DiscoveryWish; scratch: string; context: CliContext },
): Promise<DiscoveredSuite> {
  const { suite } = found;
  const framework = frameworks.get(suite.framework);
  if (framework === undefined) throw assayError("framework_missing", `Assay has no adapter for ${suite.framework}`);
  const discovery = await framework.discover(placeOf(suite, { wish, scratch, context }), wish.detail(suite));
  const isOfProject = ({ file }: { file: string | null }): boolean =>
    file === null || !resolve(wish.folder, suite.directory, file).startsWith(wish.dataDir + sep);
  const { tests, problems } = discovery;
  return {
    ...found,
    framework,
    discovery: { ...discovery, tests: tests.filter(isOfProject), problems: problems.filter(isOfProject) },
  };
}

/** Where a suite runs on this machine. */
export function placeOf(
  suite: ProjectSuite,
  { wish, scratch, context }: { wish: Pick<DiscoveryWish, "folder" | "given">; scratch: string; context: CliContext },
): FrameworkPlace {
  return {
    folder: join(wish.folder, suite.directory),
    arguments: [...suite.arguments, ...wish.given],
    starter: new PlainStarter({ ...context.env, ...suite.env }),
    scratch,
    signal: context.interrupts.signal,
    command: suite.command,
  };
}
