import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { assayError } from "../contracts/index.ts";
import type { Clue, Discovery, DiscoveryDetail, FrameworkPlace } from "./framework.ts";
import { listTests } from "./runner-program.ts";
import type { RunnerProgram } from "./runner-program.ts";

/** A program of ours that speaks for a framework of JavaScript, see `test-runner.mjs`. */
export interface NodeProgram extends RunnerProgram {
  version: string | null;
}

export interface NodeParts extends Pick<NodeProgram, "framework" | "version" | "byHand"> {
  /** What is run: Node with the program. */
  command: readonly string[];
  /** What only this program has to know. */
  settings?: Readonly<Record<string, unknown>>;
}

/** The version of a package as the user's folder finds it. Throws framework_missing. */
export async function installedVersion(name: string, { folder }: FrameworkPlace): Promise<string> {
  const version = await versionIn(name, folder);
  if (version !== undefined) return version;
  throw assayError("framework_missing", `${name} is not installed in ${folder}`, {
    next: `Run \`npm install --save-dev ${name}\` in ${folder}.`,
  });
}

async function versionIn(name: string, folder: string): Promise<string | undefined> {
  try {
    const path = createRequire(join(folder, "package.json")).resolve(`${name}/package.json`);
    return z.object({ version: z.string() }).parse(JSON.parse(await readFile(path, "utf8"))).version;
  } catch {
    return undefined;
  }
}

/** Settings that only a framework has, by the names of their files. */
export async function settingsClue(folder: string, name: string, files: readonly string[]): Promise<Clue | null> {
  for (const file of files) {
    const isThere = await access(join(folder, file)).then(
      () => true,
      () => false,
    );
    if (isThere) return { file, reason: `${file} has settings of ${name}` };
  }
  return null;
}

const manifest = z.object({
  dependencies: z.record(z.string(), z.unknown()).optional(),
  devDependencies: z.record(z.string(), z.unknown()).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
});

/** What in package.json shows that a folder uses a framework: the package that it is, or a script that calls it. */
export async function manifestClue(folder: string, name: string, script: RegExp): Promise<Clue | null> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  const { dependencies, devDependencies, scripts = {} } = manifest.safeParse(readJson(text)).data ?? {};
  const calls = Object.keys(scripts).find((key) => script.test(scripts[key] ?? ""));
  if (calls !== undefined) return { file: "package.json", reason: `the script ${calls} calls it` };
  if (Object.hasOwn({ ...dependencies, ...devDependencies }, name))
    return { file: "package.json", reason: `${name} is a dependency` };
  return null;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** A program of ours for Node. */
export function nodeProgram({ framework, version, command, byHand, settings }: NodeParts): NodeProgram {
  return {
    framework,
    version,
    byHand,
    start({ folder: cwd, starter, arguments: given }, { mode, detail, retries }) {
      const task = { mode, detail, retries, arguments: given, settings };
      return starter.start(command, { cwd, env: { ASSAY_TESTS: JSON.stringify(task) } });
    },
  };
}

/** Asks a program for the tests. */
export async function listNode(
  program: NodeProgram,
  place: FrameworkPlace,
  detail?: DiscoveryDetail,
): Promise<Discovery> {
  const { tests, problems, done, error } = await listTests(program, place, detail);
  if (!done) throw await error();
  return { framework: program.framework, version: program.version, tests, problems };
}
