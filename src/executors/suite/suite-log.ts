import type { FileHandle } from "node:fs/promises";
import { mkdir, open } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { SuiteConfig, TestResult } from "../../contracts/index.ts";
import type { TestEvent } from "../../frameworks/index.ts";
import type { ExecutionContext } from "../executor.ts";
import { keepFile } from "../kept-files.ts";
import type { MissingArtifact } from "../kept-files.ts";
import type { OutputFile } from "../output-file.ts";
import { isBad } from "./suite-report.ts";

const TAIL_BYTES = 16 * 1024;
/** A result holds at most 1,000 artifacts; the log, the list of tests and the outputs are among them. */
const MAX_ATTACHMENTS = 900;
const MAX_OUTPUTS = 50;
/** Of a text of one test, so much is kept in memory: a result has room for less. */
const MAX_KEPT = 8_000;

type Attachment = TestEvent & { kind: "attachment" };

/** What an attempt shows and keeps: a line for each test while it runs, then all that its tests and processes said. */
export class SuiteLog {
  readonly tests: TestResult[] = [];
  readonly missingArtifacts: MissingArtifact[] = [];
  private readonly config: SuiteConfig;
  private readonly folder: string;
  private readonly context: ExecutionContext;
  private readonly muted: ReadonlySet<string>;
  /** All of each test, uncut. */
  private readonly file: FileHandle;
  private writing: Promise<unknown> = Promise.resolve();
  private outputs = 0;
  private attachments = 0;
  private failed = 0;
  private lastOutput: Uint8Array = new Uint8Array();
  private closed = false;

  private constructor(
    { config, folder }: { config: SuiteConfig; folder: string },
    context: ExecutionContext,
    file: FileHandle,
  ) {
    this.config = config;
    this.folder = folder;
    this.context = context;
    this.muted = new Set(config.muted);
    this.file = file;
  }

  static async create(place: { config: SuiteConfig; folder: string }, context: ExecutionContext): Promise<SuiteLog> {
    await mkdir(context.workDir, { recursive: true });
    return new SuiteLog(place, context, await open(join(context.workDir, "tests.jsonl"), "w"));
  }

  add(told: TestResult): void {
    const result: TestResult = this.muted.has(told.id) ? { ...told, muted: true } : told;
    this.later(() => this.file.write(`${JSON.stringify(result)}\n`));
    // The file has all of it.
    const { message, output, ...rest } = result;
    this.tests.push({
      ...rest,
      ...(message === undefined ? {} : { message: message.slice(-MAX_KEPT) }),
      ...(output === undefined ? {} : { output: output.slice(-MAX_KEPT) }),
    });
    if (isBad(result) && result.muted === undefined) this.failed += 1;
    this.context.log("stdout", line(result));
    const total = Math.max(this.config.tests.length, this.tests.length);
    this.context.progress({
      fraction: this.tests.length / total,
      message: `${this.tests.length} of ${total} tests, ${this.failed} failed`,
    });
  }

  attach({ name, path, contentType, id }: Attachment): void {
    this.attachments += 1;
    const number = this.attachments;
    if (number > MAX_ATTACHMENTS) return;
    const stored = `attachments/${number}/${basename(name)}`;
    this.later(async () => {
      const inFolder = relative(this.folder, resolve(this.folder, path));
      const reason = await keepFile({ folder: this.folder, name: inFolder, as: stored, contentType }, this.context);
      if (reason !== undefined) this.missingArtifacts.push({ name: `${id}: ${name}`.slice(0, 500), reason });
    });
  }

  /** Keeps what the processes of a session printed until now. */
  async keepOutput(output: OutputFile): Promise<void> {
    this.lastOutput = await output.tail(TAIL_BYTES);
    if (this.lastOutput.length === 0) return;
    this.outputs += 1;
    const name = this.outputs === 1 ? "output.log" : `output-${this.outputs}.log`;
    if (this.outputs > MAX_OUTPUTS) return;
    await this.keep({ folder: dirname(output.path), name: basename(output.path), as: name });
  }

  tail(): Uint8Array {
    return this.lastOutput;
  }

  /** Stores the list of tests. A second call does nothing. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.writing;
    await this.file.close();
    if (this.tests.length > 0)
      await this.keep({ folder: this.context.workDir, name: "tests.jsonl", as: "tests.jsonl" });
  }

  private async keep(file: { folder: string; name: string; as: string }): Promise<void> {
    const reason = await keepFile({ ...file, isLog: true }, this.context);
    if (reason !== undefined) this.missingArtifacts.push({ name: file.as, reason });
  }

  private later(write: () => Promise<unknown>): void {
    this.writing = this.writing.then(write);
  }
}

const signs: Record<TestResult["outcome"], string> = {
  passed: "\u2713",
  failed: "\u2717",
  error: "\u2717",
  crashed: "\u2717",
  timed_out: "\u2717",
  skipped: "-",
  xfailed: "\u2713",
  xpassed: "!",
  not_run: "-",
};

/** A test in one line of the live log. */
function line({ id, outcome, duration_seconds, muted, retries, message = "" }: TestResult): string {
  const notes = [
    outcome,
    ...(muted === undefined ? [] : ["muted"]),
    ...(retries === undefined ? [] : [`after ${retries} retries`]),
    `${duration_seconds.toFixed(2)} s`,
  ];
  // Ids may hold line breaks.
  const name = id.replaceAll(/\s+/g, " ").replaceAll("\0", "\u2400");
  const why = outcome === "passed" ? "" : (message.trim().split("\n").at(-1) ?? "").slice(0, 300);
  return `${signs[outcome]} ${name} (${notes.join(", ")})${why === "" ? "" : `: ${why}`}\n`;
}
