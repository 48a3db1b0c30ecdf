import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { assayError, libraryStates, testOutcomes } from "../contracts/index.ts";
import type { FrameworkName } from "../contracts/index.ts";
import { eventLines } from "./event-lines.ts";
import type { DiscoveredTest, Discovery, FrameworkPlace, FrameworkProcess, TestEvent } from "./framework.ts";

/** A program of ours in Python that speaks for a framework. */
export interface PythonProgram {
  framework: FrameworkName;
  /** The folder of its file. */
  folder: string;
  /** What is run, without the program's settings, which are in the environment. */
  command: readonly string[];
}

/** What a program is to do. */
export interface PythonTask {
  mode: "list" | "run";
  retries: number;
  watch: readonly string[];
  requireReal: readonly string[];
}

const common = dirname(fileURLToPath(new URL("./python/assay_common.py", import.meta.url)));

/** Starts a program of ours. Only its environment tells that it is there, and it takes that away itself. */
export function startPython(
  { folder, command }: PythonProgram,
  { folder: cwd, starter }: FrameworkPlace,
  task: PythonTask,
): Promise<FrameworkProcess> {
  const paths = [folder, common, starter.env["PYTHONPATH"] ?? ""].filter((path) => path !== "");
  const env = { PYTHONPATH: paths.join(delimiter), ASSAY_TESTS: JSON.stringify({ ...task, folder }) };
  return starter.start(command, { cwd, env });
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
  z.object({ kind: z.literal("version"), version: z.string() }),
  z.object({ kind: z.literal("test"), test: listed }),
  problem,
  z.object({ kind: z.literal("done") }),
]);

/** Asks a program for the tests. `byHand`: a line that people can run to see the same. */
export async function listPython(program: PythonProgram, place: FrameworkPlace, byHand: string): Promise<Discovery> {
  const child = await startPython(program, place, { mode: "list", retries: 0, watch: [], requireReal: [] });
  const stop = (): void => void child.kill();
  place.signal.addEventListener("abort", stop, { once: true });
  if (place.signal.aborted) stop();
  const tests: DiscoveredTest[] = [];
  const problems: { file: string | null; message: string }[] = [];
  let version: string | null = null;
  let done = false;
  try {
    for await (const line of eventLines(child.events)) {
      const event = listing.safeParse(line).data;
      if (event?.kind === "version") version = event.version;
      if (event?.kind === "test") tests.push(withoutAbsent(event.test));
      if (event?.kind === "problem") problems.push({ file: event.file, message: event.message });
      if (event?.kind === "done") done = true;
    }
    const { exitCode, signal } = await child.exited;
    place.signal.throwIfAborted();
    // A framework that gives up at the first file that it cannot read has still said what it could not read.
    if (done || problems.length > 0) return { framework: program.framework, version, tests, problems };
    const how = signal ?? `exit code ${exitCode}`;
    throw assayError("discovery_failed", `${program.framework} ended with ${how}: ${lastWords(await child.tail())}`, {
      next: `Run \`${byHand}\` in ${place.folder} and mend what it reports.`,
    });
  } finally {
    place.signal.removeEventListener("abort", stop);
  }
}

function withoutAbsent({ id, file, tags, line, together, skip }: z.infer<typeof listed>): DiscoveredTest {
  return {
    id,
    file,
    tags,
    ...(line === undefined ? {} : { line }),
    ...(together === undefined ? {} : { together }),
    ...(skip === undefined ? {} : { skip }),
  };
}

/** The end of what a program printed, short enough for a message. */
export function lastWords(output: string): string {
  const words = output.trim().slice(-2_000);
  return words === "" ? "it printed nothing" : words;
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
  problem,
]);

/** What of it is told on. */
export function testEvent(event: z.infer<typeof runEvent>): TestEvent | undefined {
  if (event.kind === "ready" || event.kind === "done") return undefined;
  // Without the fields that are not there, it is what the port says.
  return event as TestEvent;
}
