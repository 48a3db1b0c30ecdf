import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { assayError, libraryStates, testOutcomes } from "../contracts/index.ts";
import type { FrameworkName } from "../contracts/index.ts";
import { eventLines } from "./event-lines.ts";
import type { Clue, DiscoveredTest, Discovery, FrameworkPlace, FrameworkProcess, TestEvent } from "./framework.ts";

/** A program of ours that speaks for a framework of JavaScript, see `test-runner.mjs`. */
export interface NodeProgram {
  framework: FrameworkName;
  version: string | null;
  /** What is run: Node with the program. */
  command: readonly string[];
  /** A line that people can run to see the same. */
  byHand: string;
}

export interface NodeTask {
  mode: "list" | "run";
  retries: number;
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

/** Starts a program of ours. */
export function startNode(
  { command }: NodeProgram,
  { folder: cwd, starter, arguments: given }: FrameworkPlace,
  task: NodeTask,
): Promise<FrameworkProcess> {
  return starter.start(command, { cwd, env: { ASSAY_TESTS: JSON.stringify({ ...task, arguments: given }) } });
}

const listed = z.object({
  id: z.string().min(1),
  file: z.string(),
  line: z.int().min(1).optional(),
  together: z.string().optional(),
  tags: z.array(z.string()),
  skip: z.string().optional(),
});
const problem = z.object({ kind: z.literal("problem"), file: z.string().nullable(), message: z.string() });
const listing = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("test"), test: listed }),
  problem,
  z.object({ kind: z.literal("done") }),
]);

/** Asks a program for the tests. */
export async function listNode(program: NodeProgram, place: FrameworkPlace): Promise<Discovery> {
  const child = await startNode(program, place, { mode: "list", retries: 0 });
  const stop = (): void => void child.kill();
  place.signal.addEventListener("abort", stop, { once: true });
  if (place.signal.aborted) stop();
  const tests: DiscoveredTest[] = [];
  const problems: { file: string | null; message: string }[] = [];
  let done = false;
  try {
    for await (const line of eventLines(child.events)) {
      const event = listing.safeParse(line).data;
      // Fields that are not there are not in JSON either.
      if (event?.kind === "test") tests.push(event.test as DiscoveredTest);
      if (event?.kind === "problem") problems.push({ file: event.file, message: event.message });
      if (event?.kind === "done") done = true;
    }
    const { exitCode, signal } = await child.exited;
    place.signal.throwIfAborted();
    if (done) return { framework: program.framework, version: program.version, tests, problems };
    throw await couldNot(program, place, { child, how: signal ?? `exit code ${exitCode}` });
  } finally {
    place.signal.removeEventListener("abort", stop);
  }
}

/** The error of a program that ended before it did what it is for. */
export async function couldNot(
  { framework, byHand }: NodeProgram,
  { folder }: FrameworkPlace,
  { child, how }: { child: FrameworkProcess; how: string },
): Promise<Error> {
  const words = (await child.tail()).trim().slice(-2_000);
  const said = words === "" ? "it printed nothing" : words;
  return assayError("discovery_failed", `${framework} ended with ${how} before it ran any test: ${said}`, {
    next: `Run \`${byHand}\` in ${folder} and mend what it reports.`,
  });
}

const result = z.object({
  id: z.string().min(1),
  file: z.string().optional(),
  outcome: z.enum(testOutcomes),
  duration_seconds: z.number().min(0).default(0),
  message: z.string().optional(),
  output: z.string().optional(),
  retries: z.int().min(0).optional(),
  libraries: z.record(z.string(), z.enum(libraryStates)).optional(),
});

/** What a program says while it runs tests. */
export const runEvent = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("done") }),
  z.object({ kind: z.literal("started"), id: z.string().min(1) }),
  z.object({ kind: z.literal("finished"), result }),
  z.object({ kind: z.literal("loaded"), file: z.string(), files: z.array(z.string()) }),
  z.object({
    kind: z.literal("attachment"),
    id: z.string(),
    name: z.string(),
    path: z.string(),
    contentType: z.string(),
  }),
  problem,
]);

/** What of it is told on. */
export function testEvent(event: z.infer<typeof runEvent>): TestEvent | undefined {
  if (event.kind === "ready" || event.kind === "done") return undefined;
  return event as TestEvent;
}
