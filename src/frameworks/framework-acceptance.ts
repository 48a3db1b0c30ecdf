import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestResult } from "../contracts/index.ts";
import type { FrameworkPlace, SessionOptions, TestEvent, TestSession } from "./framework.ts";
import { PlainStarter } from "./plain-starter.ts";

/** For tests of frameworks: a project in a temporary folder. */
export interface ScratchProject extends AsyncDisposable {
  folder: string;
  place(...args: string[]): FrameworkPlace;
  options(changes?: Partial<SessionOptions>): SessionOptions;
}

/** Of JavaScript, with the packages of this one. */
export async function nodeProject(files: Readonly<Record<string, string>>): Promise<ScratchProject> {
  const project = await scratchProject({ "package.json": "{}", ...files }, userEnvironment());
  await symlink(await realpath(join(import.meta.dirname, "../../node_modules")), join(project.folder, "node_modules"));
  return project;
}

export async function scratchProject(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ScratchProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "assay-project-")));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const place = (...args: string[]): FrameworkPlace => ({
    folder,
    arguments: args,
    starter: new PlainStarter(env),
    scratch: folder,
    signal: new AbortController().signal,
  });
  return {
    folder,
    place,
    options: (changes = {}) => ({ ...place(), retries: 0, watch: [], requireReal: [], ...changes }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** That of this process without what its own framework tells its tests. */
export function userEnvironment(): Record<string, string | undefined> {
  const own = /^(VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_TEST|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

/** Runs tests, and gives what was told of them. */
export async function runTests(session: TestSession, tests: readonly string[]) {
  const events: TestEvent[] = [];
  const end = await session.run(tests, (event) => void events.push(event));
  const results = new Map<string, TestResult>();
  for (const event of events) if (event.kind === "finished") results.set(event.result.id, event.result);
  return { end, events, results };
}

/** Whether python3 has a module; where it has not, tests are skipped and say so. */
export function pythonHas(module: string): boolean {
  try {
    execFileSync("python3", ["-c", `import ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    console.log(`skipped: python3 has no ${module}; install it with \`python3 -m pip install ${module}\``);
    return false;
  }
}

/** Whether a program is on the PATH; where it is not, tests are skipped and say so. */
export function hasProgram(...command: readonly [string, ...string[]]): boolean {
  const [program, ...given] = command;
  try {
    execFileSync(program, given, { stdio: "ignore" });
    return true;
  } catch {
    console.log(`skipped: ${program} is not installed`);
    return false;
  }
}
