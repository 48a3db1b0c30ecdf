import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { assayError, project } from "../../contracts/index.ts";
import type { FrameworkName, Project, ProjectSuite } from "../../contracts/index.ts";
import { frameworks } from "../../frameworks/index.ts";
import type { Clue } from "../../frameworks/index.ts";

/** Tests of one framework in a project, and what showed that they are there; null when assay.yaml says so. */
export interface FoundSuite {
  suite: ProjectSuite;
  clue: Clue | null;
}

/** Folders that hold the code of others, or what was made. */
const FOREIGN = new Set(["node_modules", "__pycache__", "venv", "vendor", "target", "dist", "build", "site-packages"]);
const MAX_DEPTH = 3;

/**
 * The suites of a project: those of its assay.yaml, else those that are found, from the root down; below a folder with a framework the
 * same framework is not looked for again. `only` narrows to some frameworks. Error: no_tests_found.
 */
export async function findSuites(
  folder: string,
  { suites }: Project,
  only: readonly FrameworkName[] = [],
): Promise<FoundSuite[]> {
  const all = suites.length > 0 ? suites.map((suite) => ({ suite, clue: null })) : await searched(folder);
  const found = all.filter(({ suite }) => only.length === 0 || only.includes(suite.framework));
  if (found.length > 0) return found;
  const wanted = only.length === 0 ? "a framework that Assay knows" : only.join(" or ");
  throw assayError("no_tests_found", `nothing in ${folder} shows tests of ${wanted}`);
}

async function searched(root: string): Promise<FoundSuite[]> {
  const found: FoundSuite[] = [];
  await search({ root, directory: ".", depth: 0, above: new Set() }, found);
  return found;
}

interface Search {
  root: string;
  directory: string;
  depth: number;
  /** Frameworks of the folders above. */
  above: ReadonlySet<FrameworkName>;
}

async function search({ root, directory, depth, above }: Search, found: FoundSuite[]): Promise<void> {
  const here = new Set(above);
  for (const [name, framework] of frameworks) {
    if (above.has(name)) continue;
    const clue = await framework.clue(join(root, directory));
    if (clue === null) continue;
    here.add(name);
    found.push({ suite: suiteOf(name, directory), clue });
  }
  if (depth === MAX_DEPTH) return;
  for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".") || FOREIGN.has(entry.name)) continue;
    const below = directory === "." ? entry.name : `${directory}/${entry.name}`;
    await search({ root, directory: below, depth: depth + 1, above: here }, found);
  }
}

function suiteOf(framework: FrameworkName, directory: string): ProjectSuite {
  const [suite] = project.parse({ suites: [{ framework, directory }] }).suites;
  if (suite === undefined) throw new Error("a suite was lost");
  return suite;
}
