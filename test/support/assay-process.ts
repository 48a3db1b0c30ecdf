import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running `assay` command: its output so far, and its end. */
export class AssayProcess {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Output>;
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ASSAY_TOKEN: "", ASSAY_COORDINATOR: "", ...env },
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error("the process did not start");
    return this.child.pid;
  }

  /** Ends the process and waits for its end; it may have ended before. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Output> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs a command to its end. */
export function assay(...args: string[]): Promise<Output> {
  return new AssayProcess(args).ended;
}

/** Looks again and again until there is an answer; gives up with the last reason after a minute. */
export async function eventually<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const until = performance.now() + 60_000;
  let reason: unknown;
  while (performance.now() < until) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      reason = error;
    }
    await delay(50);
  }
  throw new Error(`${what} did not happen within a minute`, { cause: reason });
}

/** A folder for one test with everything in it that the test starts, all of it gone at the end. */
export class Site implements AsyncDisposable {
  readonly folder: string;
  private readonly processes: AssayProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Site> {
    return new Site(await mkdtemp(join(tmpdir(), "assay-e2e-")));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): AssayProcess {
    const started = new AssayProcess(args, env);
    this.processes.push(started);
    return started;
  }

  /** Starts a coordinator on `data` and waits until it listens. */
  async coordinator(port = 0, ...more: string[]): Promise<{ process: AssayProcess; url: string; token: string }> {
    const dataDir = this.path("data");
    const process = this.start(["coordinator", "--data-dir", dataDir, "--port", String(port), ...more]);
    const address = await eventually("the coordinator listening", async () => {
      const found = JSON.parse(await readFile(join(dataDir, "coordinator.json"), "utf8")) as {
        url: string;
        pid: number;
      };
      return found.pid === process.pid ? found : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${process.stderr}`);
    });
    const token = (await readFile(join(dataDir, "admin.token"), "utf8")).trim();
    return { process, url: address.url, token };
  }

  worker(name: string, link: { url: string; token: string }, ...more: string[]): AssayProcess {
    return this.start([
      "worker",
      "--coordinator",
      link.url,
      "--token",
      link.token,
      "--name",
      name,
      "--data-dir",
      this.path(name),
      ...more,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((one) => one.stop("SIGKILL")));
    await rm(this.folder, { recursive: true, force: true });
  }
}
