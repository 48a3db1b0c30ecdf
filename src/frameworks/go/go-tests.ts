/** A line of `go test -json`. */
export interface GoEvent {
  Action: string;
  Package?: string;
  ImportPath?: string;
  Test?: string;
  Output?: string;
  Elapsed?: number;
}

/** What Go told of one test, or of a test in it. */
export interface GoTest {
  /** The end of what it printed, with what Go says of it. */
  text: string;
  outcome: Outcome | undefined;
  seconds: number;
  /** Its end as Go printed it, where Go did not tell of it otherwise. */
  printed?: { outcome: Outcome; seconds: number };
}

type Outcome = "pass" | "fail" | "skip";

const MAX_TEXT = 64 * 1024;
/** Behind what a test printed without an end of line too: Go before 1.20 then tells nothing but these. */
const VERDICT = /--- (PASS|FAIL|SKIP): (\S+) \((\d+\.\d+)s\)\n$/;
const INNER = /=== RUN +(\S+)\n$/;
const DEATH = /^(?:panic: |fatal error: |SIG[A-Z]+: )(?=[^]*^goroutine \d+ )/m;

/** Reads what Go tells of the tests of one package. */
export class GoTests {
  readonly tests = new Map<string, GoTest>();
  /** Tests at the top that run now. */
  readonly running = new Set<string>();
  /** What no test printed. */
  text = "";
  passed = false;
  notBuilt = false;
  private readonly onStart: (name: string) => void;
  private readonly onEnd: (name: string, test: GoTest) => void;

  constructor(on: { start: (name: string) => void; end: (name: string, test: GoTest) => void }) {
    this.onStart = on.start;
    this.onEnd = on.end;
  }

  /** A line that is no JSON is told by Go itself and not by tests: before 1.24 it said so what it could not build. */
  addText(line: string): void {
    this.text = (this.text + line).slice(-MAX_TEXT);
    if (/\[(build|setup) failed\]\s*$/.test(line)) this.notBuilt = true;
  }

  add(event: GoEvent): void {
    const { Action: action, Test: name, Output: output = "", Elapsed: seconds } = event;
    if (name === undefined) {
      if (action === "pass") this.passed = true;
      if (action === "output" || action === "build-output") this.addText(output);
    } else if (action === "run") {
      if (!name.includes("/")) this.endPrinted();
      this.tests.set(name, { text: "", outcome: undefined, seconds: 0 });
      this.start(name);
    } else if (action === "cont") {
      this.start(name);
    } else if (action === "pause") {
      this.running.delete(name);
    } else if (action === "output") {
      this.print(name, output);
    } else if (action === "pass" || action === "fail" || action === "skip") {
      this.end(name, action, seconds);
    }
  }

  /** There is no more. Where the package as a whole passed, so did all that is in it. */
  close(): void {
    this.endPrinted();
    if (!this.passed) return;
    for (const [name] of [...this.tests].toReversed()) this.end(name, "pass");
  }

  /** Those that run, the one first that says why the process ended. */
  suspects(): string[] {
    const names = [...this.running].toReversed();
    const dead = names.filter((name) => this.died(name));
    return dead.length > 0 ? dead : names;
  }

  /** Whether a test, or one in it, printed how a process of Go dies. */
  died(name: string): boolean {
    return this.within(name).some(([, { text }]) => isDeath(text));
  }

  /** The test and those in it, in the order in which they started, itself last. */
  within(name: string): [string, GoTest][] {
    const parts = [...this.tests].filter(([one]) => one.startsWith(`${name}/`));
    const itself = this.tests.get(name);
    return itself === undefined ? parts : [...parts, [name, itself]];
  }

  private start(name: string): void {
    if (!name.includes("/")) this.running.add(name);
    this.onStart(name);
  }

  private print(name: string, output: string): void {
    const test = this.tests.get(name);
    if (test === undefined) return this.addText(output);
    test.text = (test.text + output).slice(-MAX_TEXT);
    const [, inner] = INNER.exec(output) ?? [];
    if (inner?.startsWith(`${name}/`) === true && !this.tests.has(inner))
      this.tests.set(inner, { text: "", outcome: undefined, seconds: 0 });
    const [line, verdict = "", of = "", seconds] = VERDICT.exec(output) ?? [];
    const other = this.tests.get(of);
    if (line === undefined || other === undefined) return;
    other.printed = { outcome: verdict.toLowerCase() as Outcome, seconds: Number(seconds) };
  }

  /** Those in a test before the test. */
  private endPrinted(): void {
    for (const [name, { printed }] of [...this.tests].toReversed())
      if (printed !== undefined) this.end(name, printed.outcome, printed.seconds);
  }

  private end(name: string, outcome: Outcome, seconds = 0): void {
    const test = this.tests.get(name);
    if (test === undefined || test.outcome !== undefined) return;
    test.outcome = outcome;
    test.seconds = seconds;
    this.running.delete(name);
    this.onEnd(name, test);
    // Others that run beside it are what this is about now.
    const next = [...this.running].at(-1);
    if (next !== undefined && !name.includes("/")) this.onStart(next);
  }
}

/** Whether a process of Go died as its runtime tells it. */
export function isDeath(text: string): boolean {
  return DEATH.test(text);
}

/** What a test says of its end, without what Go says of its course. */
export function printedBy(text: string): string {
  const lines = text
    .split("\n")
    .filter((line) => !/^\s*(=== (RUN|PAUSE|CONT|NAME) |--- (PASS|FAIL|SKIP): )/.test(line));
  return lines.join("\n").replace(/--- (PASS|FAIL|SKIP): \S+ \(\d+\.\d+s\)$/gm, "");
}

/** Why it failed or was skipped: how it died, or what it logged, or all that it printed. */
export function reasonIn(text: string): string {
  const printed = printedBy(text);
  const death = DEATH.exec(printed);
  if (death !== null) return printed.slice(death.index).trim();
  // Four spaces for each level, then the place; more lines of the same are deeper.
  const logged = /^ {4,}[^\s:]+\.go:\d+: .*(\n {8,}.*)*/gm;
  const words = Array.from(printed.matchAll(logged), ([entry]) => entry.trim());
  return words.length > 0 ? words.join("\n") : printed.trim();
}
