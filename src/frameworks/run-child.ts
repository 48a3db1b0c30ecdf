import { spawn } from "node:child_process";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";

/** How long what a child had printed may take to get here: one that it started may hold the pipe open. */
const LAST_WORDS_MS = 1_000;
/** A line longer than this is cut. */
const MAX_LINE = 1024 * 1024;
const MAX_STDERR = 64 * 1024;

export interface ChildOptions {
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** What it prints, in pieces. */
  onText: (text: string) => void;
}

export interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The end of what it said on standard error, which goes to ours too. */
  stderr: string;
}

/** Runs a program inside a program of ours until its end. Never rejects: one that cannot be started ends with exit code 127. */
export async function runChild(command: readonly string[], { cwd, env, onText }: ChildOptions): Promise<ChildEnd> {
  const [program = "", ...given] = command;
  const child = spawn(program, given, {
    ...(cwd === undefined ? {} : { cwd }),
    env: env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    windowsVerbatimArguments: program === "cmd.exe",
  });
  let stderr = "";
  const decoder = new StringDecoder("utf8");
  child.stdout.on("data", (chunk: Buffer) => onText(decoder.write(chunk)));
  child.stderr.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    stderr = (stderr + chunk.toString()).slice(-MAX_STDERR);
  });
  const closed = once(child, "close").catch(() => undefined);
  try {
    const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
    child.stdout.destroy();
    child.stderr.destroy();
    onText(decoder.end());
    return { exitCode, signal, stderr };
  } catch (error) {
    return { exitCode: 127, signal: null, stderr: String(error) };
  }
}

/** Makes lines, without their ends, out of pieces of text. */
export class LineSplitter {
  private readonly each: (line: string) => void;
  private rest = "";

  constructor(each: (line: string) => void) {
    this.each = each;
  }

  add(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) this.each(line);
  }

  /** What came after the last end of a line is one too. */
  end(): void {
    if (this.rest !== "") this.each(this.rest);
    this.rest = "";
  }
}

/** Ends this program of ours as a child ended: whoever started it then looks for the test at fault. */
export function endAs({ exitCode, signal }: Pick<ChildEnd, "exitCode" | "signal">): never {
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(exitCode || 1);
}
