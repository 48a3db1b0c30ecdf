import { existsSync } from "node:fs";
import type { TestOutcome } from "../../contracts/index.ts";
import { endAs } from "../run-child.ts";
import type { ChildEnd } from "../run-child.ts";
import { finish, say, task } from "../test-runner.mjs";
import { AskedNames } from "./asked-names.ts";

/** How shells say that a program cannot be run. */
export const NOT_RUN = [126, 127];

export interface Told {
  outcome: TestOutcome;
  seconds: number;
  message?: string | undefined;
  output?: string;
  retries?: number;
}

export interface Asked {
  id: string;
  name: string;
}

/** Tests that ran as one line. */
export class Batch {
  private readonly asked: readonly Asked[];
  private readonly tries: number;
  private readonly found: AskedNames;
  private readonly again = new Set<string>();
  private readonly labels: string[] = [];

  constructor(asked: readonly Asked[], tries: number) {
    this.asked = asked;
    this.tries = tries;
    this.found = new AskedNames(asked);
  }

  /** Whether one of these was asked for. */
  has(...wanted: readonly string[]): boolean {
    return this.asked.some(({ name }) => wanted.includes(name));
  }

  add(reported: Parameters<AskedNames["find"]>[0], told: Told): void {
    const { id, asked } = this.found.find(reported);
    if (this.labels.length < 5) this.labels.push(reported.label);
    const isBad = !["passed", "skipped", "xfailed", "xpassed"].includes(told.outcome);
    if (isBad && asked !== undefined && this.tries < task.retries) this.again.add(asked);
    else tell(id, { ...told, retries: told.retries ?? this.tries });
  }

  /** Programs mostly run tests in the order in which they are given. */
  sayNext(): void {
    const [next] = this.found.missing();
    if (next !== undefined) say({ kind: "started", id: next });
  }

  /** What it did not tell of has ended so. Returns what is to be tried again. */
  end(outcome: TestOutcome, message: string): Set<string> {
    for (const id of this.found.missing()) tell(id, { outcome, seconds: 0, message });
    return this.again;
  }

  /** By the end of the process, and by why its report is not all that was to come. */
  endBy(end: ChildEnd, incomplete: string | undefined): Set<string> {
    if (this.found.missing().length === 0) return this.again;
    const cannotRun = NOT_RUN.includes(end.exitCode ?? 0);
    if (incomplete !== undefined && end.exitCode !== 0 && !cannotRun) endAs(end);
    const others = this.labels.length === 0 ? "" : `, only of ${this.labels.join(", ")}`;
    const silent = `the program told nothing of this test${others}`;
    return this.end("error", cannotRun ? end.stderr.trim() || `exit code ${end.exitCode}` : (incomplete ?? silent));
  }
}

export function tell(id: string, told: Told): void {
  finish({ id, file: fileIn(id), ...told });
}

/** Many programs name their tests after files. */
export function fileIn(id: string): string {
  const [path = ""] = id.split(/::| > |:|#/, 1);
  const isInside = !path.startsWith("/") && !path.split("/").includes("..");
  return path !== "" && isInside && existsSync(path) ? path : ".";
}
