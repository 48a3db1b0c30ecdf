import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { FrameworkName, ProjectSuite, SetupStep } from "../../contracts/index.ts";

const JAVASCRIPT: ReadonlySet<FrameworkName> = new Set(["vitest", "jest", "node-test", "mocha", "playwright"]);

/** What installs exactly what a lock file says. */
const INSTALLERS = [
  { lock: "package-lock.json", run: "npm ci" },
  { lock: "npm-shrinkwrap.json", run: "npm ci" },
  { lock: "pnpm-lock.yaml", run: "pnpm install --frozen-lockfile" },
  { lock: "yarn.lock", run: "yarn install --frozen-lockfile" },
] as const;

const packages = z.record(z.string(), z.unknown()).optional();
const manifest = z.object({
  dependencies: packages,
  devDependencies: packages,
  optionalDependencies: packages,
});

/** How a suite that says nothing of set-up is prepared where its files are shipped, and what to tell of it. */
export interface DefaultSetup {
  steps: SetupStep[];
  note: string | null;
}

/** Installs packages that are not among the files of a snapshot; `has` says what is, by paths from the root of the project. */
export async function defaultSetup(
  { framework, directory }: Pick<ProjectSuite, "framework" | "directory">,
  { folder, has }: { folder: string; has: (path: string) => boolean },
): Promise<DefaultSetup> {
  const place = directory === "." ? "" : `${directory}/`;
  if (!JAVASCRIPT.has(framework) || !has(`${place}package.json`)) return { steps: [], note: null };
  if (!(await hasPackages(join(folder, directory))) || has(`${place}node_modules`)) return { steps: [], note: null };
  const found = INSTALLERS.find(({ lock }) => has(`${place}${lock}`));
  if (found === undefined) {
    const note = `${place}node_modules is not shipped, and no lock file says what to install: name a set-up step in assay.yaml`;
    return { steps: [], note };
  }
  const { lock, run } = found;
  const inputs = ["package.json", lock, ...(has(`${place}.npmrc`) ? [".npmrc"] : [])];
  return {
    steps: [{ run, inputs, outputs: ["node_modules"] }],
    note: `${place}node_modules is not shipped: workers run \`${run}\` once for each ${lock} (\`setup\` in assay.yaml says otherwise)`,
  };
}

async function hasPackages(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return false;
  }
  const { data } = manifest.safeParse(parsed);
  return Object.values(data ?? {}).some((list) => Object.keys(list ?? {}).length > 0);
}
