import type { Readable, Writable } from "node:stream";
import type { FrameworkName, SuiteConfig, TestResult } from "../contracts/index.ts";

/** How a process ended. */
export interface ProcessEnd {
  exitCode: number | null;
  /** The name of the signal that ended it, e.g. `SIGSEGV`. */
  signal: string | null;
}

/** A process of a framework. What it prints goes to whoever started it; the adapter sees only what it says to it. */
export interface FrameworkProcess {
  readonly pid: number;
  /** Its standard input. */
  readonly commands: Writable;
  /** What it writes to file descriptor 3: one JSON document per line. */
  readonly events: Readable;
  readonly exited: Promise<ProcessEnd>;
  /** The end of what it printed, to tell why it failed. */
  tail(): string | Promise<string>;
  /** Ends it and all that it started. */
  kill(): Promise<void>;
}

/** Starts processes, in the way that fits whoever asks: kept to limits on a worker, plainly where tests are listed. */
export interface ProcessStarter {
  /** What its processes find in their environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Rejects with an AssayError when the program cannot be started. */
  start(command: readonly string[], options: StartOptions): Promise<FrameworkProcess>;
}

export interface StartOptions {
  cwd: string;
  /** Added to the environment that the starter gives. */
  env?: Readonly<Record<string, string>>;
}

/** Where a framework runs, and with what. */
export interface FrameworkPlace {
  /** Absolute; ids and files of tests are relative to it. */
  folder: string;
  arguments: readonly string[];
  starter: ProcessStarter;
  /** A folder for files of the adapter's own. */
  scratch: string;
  signal: AbortSignal;
  /** Only for the framework `command`. */
  command?: SuiteConfig["command"];
}

/** What shows that a folder uses a framework. */
export interface Clue {
  file: string;
  reason: string;
}

export interface DiscoveredTest {
  id: string;
  file: string;
  /** Counted from 1. */
  line?: number;
  /** Tests with the same word share something that is made once: they run in one process, in the order of the list. */
  together?: string;
  /** Markers or tags, as the framework calls them. */
  tags: readonly string[];
  /** Why it will be skipped, when that is known before it runs. */
  skip?: string;
}

/**
 * What has to be known of tests before they run: each by its name; or no more than what is shared out, where that costs less: files, when the
 * framework keeps files apart anyway. A file stands for all of its tests, and each of them is told of when it ran.
 */
export type DiscoveryDetail = "names" | "files";

/** What the framework itself says of its tests. */
export interface Discovery {
  framework: FrameworkName;
  version: string | null;
  /** In the order in which the framework would run them. */
  tests: readonly DiscoveredTest[];
  /** What could not be read, and why: its tests are not in the list. */
  problems: readonly { file: string | null; message: string }[];
}

/** Told while tests run, in the order in which it happened. */
export type TestEvent =
  | { kind: "started"; id: string }
  | { kind: "finished"; result: TestResult }
  /** A file of the project that the tests of `file` loaded: what they depend on. */
  | { kind: "loaded"; file: string; files: readonly string[] }
  /** A file that the framework could not run at all. */
  | { kind: "problem"; file: string | null; message: string }
  | { kind: "attachment"; id: string; name: string; path: string; contentType: string };

export interface SessionOptions extends FrameworkPlace {
  retries: number;
  watch: readonly string[];
  requireReal: readonly string[];
}

/** A process, or several one after the other, that run tests. */
export interface TestSession {
  /**
   * Runs tests in the given order and tells each event. Resolves with null when the session can run more, else with the end of its
   * process; a test that was started and not finished by then is what it died of. Never rejects.
   */
  run(tests: readonly string[], tell: (event: TestEvent) => void): Promise<ProcessEnd | null>;
  /** Ends its processes: at once while tests run, else with a moment to tear down what they made. */
  close(): Promise<void>;
}

/** The files of a project as they are to be: what was written here is not on the disk yet. Paths are absolute. */
export interface ProjectFiles {
  /** The folder of the project. */
  readonly root: string;
  /** Null where there is no such file. */
  read(path: string): Promise<Buffer | null>;
  /** Why a file may not be changed: it is a link, or outside the project; null when it may. */
  objection(path: string): Promise<string | null>;
  write(path: string, content: Buffer): void;
}

/** A marker that tests of a file are to carry. */
export interface MarkWish {
  file: string;
  /** Classes and the function, from the outside in; none: all tests of the file. */
  names: readonly string[];
  tag: string;
}

export interface MarkOrder {
  files: ProjectFiles;
  /** As it told itself. */
  version: string | null;
  wishes: readonly MarkWish[];
  /** What each tag says, in ASCII, for the framework's settings. */
  meanings: ReadonlyMap<string, string>;
}

/** A wish that could not be met; the tests are named in assay.yaml then. */
export interface UnmetWish {
  wish: MarkWish;
  reason: string;
}

/** A test framework: how its tests are found and run. One adapter each; nothing of it is asked of the user's tests. */
export interface Framework {
  readonly name: FrameworkName;
  /** What shows that a folder uses it; reads files and starts nothing. */
  clue(folder: string): Promise<Clue | null>;
  /** Name to version of what it needs, as far as it is there for a folder that brings nothing of its own. */
  installed?(place: Pick<FrameworkPlace, "folder" | "starter">): Promise<Record<string, string>>;
  /** Asks it for its tests, by default by their names. Rejects with an AssayError: framework_missing, discovery_failed. */
  discover(place: FrameworkPlace, detail?: DiscoveryDetail): Promise<Discovery>;
  /** What a person types in the framework's folder to run this one test alone: a program and its arguments. */
  reproduce(test: Pick<DiscoveredTest, "id" | "file">, suite?: Pick<FrameworkPlace, "command">): readonly string[];
  /** Puts markers into the files of tests, known to its settings, so that they are told as `tags`. Changes no outcome. */
  mark?(place: FrameworkPlace, order: MarkOrder): Promise<UnmetWish[]>;
  /** Rejects with an AssayError: framework_missing. */
  open(options: SessionOptions): Promise<TestSession>;
}
