import { join } from "node:path";
import type { ExecutionContext } from "../executor.ts";
import { OutputFile } from "../output-file.ts";
import { RegularLook } from "../regular-look.ts";

const LOOK_INTERVAL_MS = 200;

/** The two output files of a command, watched while it runs: what is new goes to the live view. */
export class LiveOutput {
  readonly stdout: OutputFile;
  readonly stderr: OutputFile;
  /** The largest reading so far; a command that ends before the first look has none. */
  peakMemoryBytes: number | undefined;
  private readonly context: ExecutionContext;
  private looks: RegularLook | undefined;

  private constructor(files: { stdout: OutputFile; stderr: OutputFile }, context: ExecutionContext) {
    this.stdout = files.stdout;
    this.stderr = files.stderr;
    this.context = context;
  }

  static async create(folder: string, context: ExecutionContext): Promise<LiveOutput> {
    await using opened = new AsyncDisposableStack();
    const open = async (name: string): Promise<OutputFile> =>
      opened.adopt(await OutputFile.create(join(folder, name)), (file) => file.close());
    const files = { stdout: await open("stdout.log"), stderr: await open("stderr.log") };
    // From here on they are closed with the whole.
    opened.move();
    return new LiveOutput(files, context);
  }

  /** Starts looking, at the output and at the memory in use, until closed. */
  follow(readPeakMemory: () => number | undefined): void {
    this.looks = new RegularLook({
      clock: this.context.clock,
      intervalMs: LOOK_INTERVAL_MS,
      // The live view is a courtesy: when a file cannot be read, the attempt goes on without it.
      look: () => this.look(readPeakMemory).catch(() => undefined),
    });
  }

  /** Of both streams together. */
  async sizeBytes(): Promise<number> {
    const [stdoutBytes, stderrBytes] = await Promise.all([this.stdout.sizeBytes(), this.stderr.sizeBytes()]);
    return stdoutBytes + stderrBytes;
  }

  /** Cuts off what a command could write before it was ended for it; the shorter stream is kept. */
  async limit(maxBytes: number): Promise<void> {
    const [stdoutBytes, stderrBytes] = await Promise.all([this.stdout.sizeBytes(), this.stderr.sizeBytes()]);
    const shorterBytes = Math.min(stdoutBytes, stderrBytes, maxBytes / 2);
    const longer = stdoutBytes > stderrBytes ? this.stdout : this.stderr;
    const shorter = stdoutBytes > stderrBytes ? this.stderr : this.stdout;
    await Promise.all([
      shorter.truncate(Math.ceil(shorterBytes)),
      longer.truncate(Math.floor(maxBytes - shorterBytes)),
    ]);
  }

  /** The last of both streams; standard error gets up to half. */
  async tail(maxBytes: number): Promise<Uint8Array> {
    const stderr = await this.stderr.tail(maxBytes / 2);
    const stdout = await this.stdout.tail(maxBytes - stderr.length);
    return Buffer.concat([stdout, stderr]);
  }

  /** The names of the files that hold anything. */
  async writtenNames(): Promise<string[]> {
    const [stdoutBytes, stderrBytes] = await Promise.all([this.stdout.sizeBytes(), this.stderr.sizeBytes()]);
    return [...(stdoutBytes > 0 ? ["stdout.log"] : []), ...(stderrBytes > 0 ? ["stderr.log"] : [])];
  }

  /** Shows the rest and lets go of the files. */
  async close(): Promise<void> {
    await this.looks?.stop();
    await this.showNews();
    await Promise.all([this.stdout.close(), this.stderr.close()]);
  }

  private async look(readPeakMemory: () => number | undefined): Promise<void> {
    const peakBytes = readPeakMemory();
    if (peakBytes !== undefined) this.peakMemoryBytes = Math.max(peakBytes, this.peakMemoryBytes ?? 0);
    await this.showNews();
  }

  private async showNews(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      const text = await this[stream].news();
      if (text !== "") this.context.log(stream, text);
    }
  }
}
