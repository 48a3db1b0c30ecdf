import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestResult } from "../contracts/index.ts";
import type { FrameworkPlace, SessionOptions, TestEvent, TestSession } from "./framework.ts";
import { PlainStarter } from "./plain-starter.ts";

/** For tests of the frameworks of JavaScript: a project in a temporary folder that has the packages of this one. */
export interface ScratchProject extends AsyncDisposable {
  folder: string;
  place(...args: string[]): FrameworkPlace;
  options(changes?: Partial<SessionOptions>): SessionOptions;
}

export async function scratchProject(files: Readonly<Record<string, string>>): Promise<ScratchProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "assay-project-")));
  for (const [name, text] of Object.entries({ "package.json": "{}", ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await symlink(await realpath(join(import.meta.dirname, "../../node_modules")), join(folder, "node_modules"));
  const place = (...args: string[]): FrameworkPlace => ({
    folder,
    arguments: args,
    starter: new PlainStarter(userEnvironment()),
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
