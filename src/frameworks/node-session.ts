import type { LibraryState, TestResult } from "../contracts/index.ts";
import type { ProcessEnd, SessionOptions, TestEvent, TestSession } from "./framework.ts";
import type { NodeProgram } from "./node-program.ts";
import { RunnerSession } from "./runner-session.ts";
import { SeenLibraries } from "./seen-libraries.ts";

/** One process of Node, whose tests are told with the libraries that their files saw. */
export class NodeSession implements TestSession {
  private readonly session: RunnerSession;
  private readonly seen: SeenLibraries;
  private readonly requireReal: readonly string[];
  /** By file, for the tests that run. */
  private libraries = new Map<string, Record<string, LibraryState>>();

  private constructor(session: RunnerSession, { framework }: NodeProgram, options: SessionOptions) {
    const { folder, watch, requireReal } = options;
    this.session = session;
    this.seen = new SeenLibraries(folder, framework, [...watch, ...requireReal]);
    this.requireReal = requireReal;
  }

  /** Resolves when it waits for tests. Rejects with `discovery_failed` when it ends before. */
  static async open(program: NodeProgram, options: SessionOptions): Promise<NodeSession> {
    return new NodeSession(await RunnerSession.open(program, options), program, options);
  }

  async run(tests: readonly string[], tell: (event: TestEvent) => void): Promise<ProcessEnd | null> {
    const files = [...new Set(tests.map(fileOf))];
    this.libraries = new Map(await Promise.all(files.map(async (file) => [file, await this.seen.of(file)] as const)));
    return this.session.run(tests, (event) =>
      tell(event.kind === "finished" ? { ...event, result: this.withLibraries(event.result) } : event),
    );
  }

  close(): Promise<void> {
    return this.session.close();
  }

  private withLibraries(result: TestResult): TestResult {
    const libraries = this.libraries.get(result.file ?? fileOf(result.id));
    if (libraries === undefined || Object.keys(libraries).length === 0) return result;
    const bad = this.requireReal.find((name) => libraries[name] === "mocked" || libraries[name] === "missing");
    if (bad === undefined || result.outcome !== "passed") return { ...result, libraries };
    const message = `the run demands real libraries, and ${bad} was ${libraries[bad]}`;
    return { ...result, libraries, outcome: "failed", message };
  }
}

/** The file in an id; `[project] ` before it is no part of it. */
function fileOf(id: string): string {
  return id
    .split(" > ", 1)
    .join("")
    .replace(/^\[[^\]]*\] /, "");
}
