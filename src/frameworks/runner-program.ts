import { assayError } from "../contracts/index.ts";
import type { FrameworkName } from "../contracts/index.ts";
import { eventLines } from "./event-lines.ts";
import type {
  DiscoveredTest,
  Discovery,
  DiscoveryDetail,
  FrameworkPlace,
  FrameworkProcess,
  ProcessEnd,
} from "./framework.ts";
import { discoveredTest, listEvent } from "./runner-events.ts";

/** What a program that speaks for a framework is to do. */
export interface RunnerTask {
  mode: "list" | "run";
  /** Of a list. */
  detail?: DiscoveryDetail;
  retries: number;
  watch: readonly string[];
  requireReal: readonly string[];
}

/** A program of ours that speaks for a framework, whatever language it is in. */
export interface RunnerProgram {
  framework: FrameworkName;
  /** A line that people can run to see the same. */
  byHand: string;
  start(place: FrameworkPlace, task: RunnerTask): Promise<FrameworkProcess>;
}

/** What a program said of its tests until its end. */
export interface Listing extends Pick<Discovery, "version" | "tests" | "problems"> {
  /** It came to the end of the list. */
  done: boolean;
  /** The error when it is not to be taken as it is. */
  error: () => Promise<Error>;
}

/** Asks a program for the tests. */
export async function listTests(
  program: RunnerProgram,
  place: FrameworkPlace,
  detail: DiscoveryDetail = "names",
): Promise<Listing> {
  const child = await program.start(place, { mode: "list", detail, retries: 0, watch: [], requireReal: [] });
  const stop = (): void => void child.kill();
  place.signal.addEventListener("abort", stop, { once: true });
  if (place.signal.aborted) stop();
  const tests: DiscoveredTest[] = [];
  const problems: { file: string | null; message: string }[] = [];
  let version: string | null = null;
  let done = false;
  try {
    for await (const line of eventLines(child.events)) {
      const event = listEvent.safeParse(line).data;
      if (event?.kind === "version") version = event.version;
      if (event?.kind === "test") tests.push(discoveredTest(event.test));
      if (event?.kind === "problem") problems.push({ file: event.file, message: event.message });
      if (event?.kind === "done") done = true;
    }
    const end = await child.exited;
    place.signal.throwIfAborted();
    return { version, tests, problems, done, error: () => couldNot(program, place, { child, end }) };
  } finally {
    place.signal.removeEventListener("abort", stop);
  }
}

/** The error of a program that ended before it did what it is for. */
export async function couldNot(
  { framework, byHand }: RunnerProgram,
  { folder }: FrameworkPlace,
  { child, end }: { child: FrameworkProcess; end: ProcessEnd },
): Promise<Error> {
  const how = end.signal ?? `exit code ${end.exitCode}`;
  const words = (await child.tail()).trim().slice(-2_000);
  const said = words === "" ? "it printed nothing" : words;
  return assayError("discovery_failed", `${framework} ended with ${how} before it ran any test: ${said}`, {
    next: `Run \`${byHand}\` in ${folder} and mend what it reports.`,
  });
}
