import { eventLines } from "./event-lines.ts";
import type { LibraryState, TestResult } from "../contracts/index.ts";
import type { FrameworkProcess, ProcessEnd, SessionOptions, TestEvent, TestSession } from "./framework.ts";
import { SeenLibraries } from "./seen-libraries.ts";
import { couldNot, runEvent, startNode, testEvent } from "./node-program.ts";
import type { NodeProgram } from "./node-program.ts";

/** How long a process that has nothing to run may take to tear down what it made for the whole of it. */
const TEAR_DOWN_MS = 5_000;
/** How long what a process that ended had said may take to get here: one that it started may hold the pipe open. */
const LAST_WORDS_MS = 2_000;

/** One process of Node that stays and runs batch after batch. */
export class NodeSession implements TestSession {
  private readonly child: FrameworkProcess;
  private readonly ended: Promise<ProcessEnd>;
  private readonly seen: SeenLibraries;
  private readonly requireReal: readonly string[];
  /** By file, for the tests that run. */
  private libraries = new Map<string, Record<string, LibraryState>>();
  private tell: ((event: TestEvent) => void) | undefined;
  private settle: (() => void) | undefined;

  private constructor(child: FrameworkProcess, { framework }: NodeProgram, options: SessionOptions) {
    const { folder, watch, requireReal } = options;
    this.child = child;
    this.seen = new SeenLibraries(folder, framework, [...watch, ...requireReal]);
    this.requireReal = requireReal;
    const heard = this.listen();
    this.ended = child.exited.then(async (end) => {
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
      return end;
    });
  }

  /** Resolves when it waits for tests. Rejects with `discovery_failed` when it ends before. */
  static async open(program: NodeProgram, options: SessionOptions): Promise<NodeSession> {
    const { retries, signal } = options;
    const child = await startNode(program, options, { mode: "run", retries });
    const session = new NodeSession(child, program, options);
    const stop = (): void => void child.kill();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const end = await session.next();
    signal.removeEventListener("abort", stop);
    if (end === null) return session;
    signal.throwIfAborted();
    throw await couldNot(program, options, { child, how: end.signal ?? `exit code ${end.exitCode}` });
  }

  async run(tests: readonly string[], tell: (event: TestEvent) => void): Promise<ProcessEnd | null> {
    const files = [...new Set(tests.map(fileOf))];
    this.libraries = new Map(await Promise.all(files.map(async (file) => [file, await this.seen.of(file)] as const)));
    this.tell = (event) =>
      tell(event.kind === "finished" ? { ...event, result: this.withLibraries(event.result) } : event);
    const next = this.next();
    this.child.commands.write(`${JSON.stringify({ tests })}\n`);
    const end = await next;
    this.tell = undefined;
    return end;
  }

  async close(): Promise<void> {
    const busy = this.settle !== undefined;
    if (!busy) {
      this.child.commands.end();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, TEAR_DOWN_MS);
      await Promise.race([this.child.exited, promise]);
      clearTimeout(timer);
    }
    await this.child.kill();
  }

  private withLibraries(result: TestResult): TestResult {
    const libraries = this.libraries.get(result.file ?? fileOf(result.id));
    if (libraries === undefined || Object.keys(libraries).length === 0) return result;
    const bad = this.requireReal.find((name) => libraries[name] === "mocked" || libraries[name] === "missing");
    if (bad === undefined || result.outcome !== "passed") return { ...result, libraries };
    const message = `the run demands real libraries, and ${bad} was ${libraries[bad]}`;
    return { ...result, libraries, outcome: "failed", message };
  }

  /** Null when the process says that it waits for tests, else its end. */
  private next(): Promise<ProcessEnd | null> {
    return new Promise((resolve) => {
      this.settle = () => {
        this.settle = undefined;
        resolve(null);
      };
      void this.ended.then((end) => {
        this.settle = undefined;
        resolve(end);
      });
    });
  }

  private async listen(): Promise<void> {
    try {
      for await (const line of eventLines(this.child.events)) {
        const event = runEvent.safeParse(line).data;
        if (event === undefined) continue;
        const told = testEvent(event);
        if (told === undefined) this.settle?.();
        else this.tell?.(told);
      }
    } catch {
      // A pipe that breaks is one that ended.
    }
  }
}

/** The file in an id; `[project] ` before it is no part of it. */
function fileOf(id: string): string {
  return id
    .split(" > ", 1)
    .join("")
    .replace(/^\[[^\]]*\] /, "");
}
