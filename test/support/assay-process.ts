import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "../../src/client/index.ts";
import type { Client } from "../../src/client/index.ts";
import type { FeedEvent, TaskSpecInput } from "../../src/contracts/index.ts";

export const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

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

/** Waits until it is so, a minute at most. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(what, async () => (await isSo()) || undefined);
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export function workersReady(client: Client, count: number): Promise<void> {
  return until(`${count} workers ready`, async () => (await client.status()).workers.ready === count);
}

/** Everything that has happened so far, in order. */
export async function history(client: Client): Promise<FeedEvent[]> {
  const { seq } = await client.status();
  const events: FeedEvent[] = [];
  for await (const event of client.events({ after: 0 })) {
    events.push(event);
    if (event.seq >= seq) break;
  }
  return events;
}

/** Waits until the feed has told all of this, each as the type of an event with its message. */
export async function untilTold(client: Client, ...expected: (string | RegExp)[]): Promise<void> {
  await eventually("what the feed should tell", async () => {
    const told = (await history(client)).map(({ type, message }) => `${type} ${message}`);
    const isTold = (one: string | RegExp): boolean =>
      typeof one === "string" ? told.includes(one) : told.some((text) => one.test(text));
    const missing = expected.filter((one) => !isTold(one));
    if (missing.length > 0) throw new Error(`${missing.join(" and ")} is missing in:\n${told.join("\n")}`);
    return true;
  });
}

/** A task that runs until the file `go` is there. */
export function heldTask(site: Site, taskId: string): TaskSpecInput {
  return { task_id: taskId, type: "command", config: { command: site.waitFor("go") } };
}

/** A coordinator that listens, and how it is asked. */
export interface RunningCoordinator {
  process: AssayProcess;
  url: string;
  token: string;
  client: Client;
  /** Of commands that ask it. */
  flags: readonly string[];
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

  /** A shell line that waits for a file. It ends with the folder, too: a worker that is killed leaves its commands behind. */
  waitFor(name: string): string {
    return `while [ -d "${this.folder}" ] && [ ! -e "${this.path(name)}" ]; do sleep 0.02; done`;
  }

  /** Resolves when the file is there, with its text. */
  fileExists(name: string): Promise<string> {
    return eventually(`the file ${name}`, () => readFile(this.path(name), "utf8"));
  }

  /** Starts a coordinator on `data` and waits until it listens. */
  async coordinator(port = 0, ...more: string[]): Promise<RunningCoordinator> {
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
    const { url } = address;
    const client = createClient({ baseUrl: url, token });
    return { process, url, token, client, flags: ["--coordinator", url, "--token", token] };
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
