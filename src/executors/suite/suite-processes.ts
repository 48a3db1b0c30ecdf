import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { constants } from "node:os";
import { basename, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../base/index.ts";
import { errorMessage } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { FrameworkProcess, ProcessEnd, ProcessStarter, StartOptions } from "../../frameworks/index.ts";
import type { Platform } from "../../platform/index.ts";
import { attemptLimits, limitText } from "../attempt-limits.ts";
import { Confinement } from "../confinement.ts";
import { WORK_DIR_VARIABLE } from "../environment.ts";
import { LimitWatch } from "../limit-watch.ts";
import { OutputFile } from "../output-file.ts";
import { ProcessTree } from "../process-tree.ts";
import { programFault } from "../program-fault.ts";

const TAIL_BYTES = 16 * 1024;
/** Shells add the signal's number to 128. */
const KILLED_BY = 128;

/**
 * Between the worker and a framework, so that a test which ends its parent ends this and not the worker. It tells by its exit code how
 * the framework ended.
 */
const PARENT = ["/bin/sh", "-c", '"$@"; exit $?', "parent"];

export interface SuiteProcessesOptions {
  /** Below it their files are, and their marks: a worker that starts again ends what has a mark from there. */
  folder: string;
  env: Readonly<Record<string, string>>;
  cacheDir: string;
  platform: Platform;
  /** Whether control groups work here. */
  groups: boolean;
  clock: Clock;
}

let started = 0;

/**
 * The processes of one session, kept like commands: each in a group of its own, with their output in one file, and ends that leave nothing
 * behind.
 */
export class SuiteProcesses implements ProcessStarter {
  readonly env: Readonly<Record<string, string>>;
  /** Of their own. */
  readonly folder: string;
  /** All that they printed since it was emptied. */
  readonly output: OutputFile;
  private readonly options: SuiteProcessesOptions;
  private readonly running = new Set<Running>();
  private why: string | undefined;

  private constructor(options: SuiteProcessesOptions, place: { folder: string; output: OutputFile }) {
    this.options = options;
    this.env = options.env;
    this.folder = place.folder;
    this.output = place.output;
  }

  static async create(options: SuiteProcessesOptions): Promise<SuiteProcesses> {
    const folder = join(options.folder, uniqueName());
    await mkdir(folder, { recursive: true });
    return new SuiteProcesses(options, { folder, output: await OutputFile.create(join(folder, "output.log")) });
  }

  async start(command: readonly string[], { cwd, env }: StartOptions): Promise<FrameworkProcess> {
    const [program = ""] = command;
    const fault = await programFault(program, { cwd, path: this.env["PATH"] ?? "" });
    if (fault !== undefined)
      throw notStarted(program, fault === "ENOENT" ? "there is no such program" : "it may not be run");
    const { platform, clock, cacheDir, groups } = this.options;
    const mark = join(this.options.folder, uniqueName());
    const limits = attemptLimits();
    const abilities = { groups, sandbox: false };
    const confinement = new Confinement({ limits, abilities, platform, cwd, workDir: mark, cacheDir, home: undefined });
    const [launcher = "", ...rest] = [...confinement.prefix, ...PARENT, ...command];
    const child = spawn(launcher, rest, {
      cwd,
      env: { ...this.env, ...env, [WORK_DIR_VARIABLE]: mark },
      // One file for both, so that what was printed is in its order.
      stdio: ["pipe", this.output.descriptor, this.output.descriptor, "pipe"],
      detached: true,
    });
    const { pid } = child;
    if (pid === undefined) throw notStarted(program, errorMessage((await once(child, "error"))[0]));
    const { processes: inspector } = platform;
    const { group } = confinement;
    const tree = new ProcessTree({ pid, workDir: mark, inspector, clock, group });
    const outputBytes = (): Promise<number> => this.output.sizeBytes();
    const watch = new LimitWatch({ limits, group, inspector, folders: [], outputBytes, clock });
    watch.start(tree, () => void tree.kill());
    const exited = ended(child, { tree, watch, confinement, clock }).then((end) => {
      if (watch.exceeded !== undefined) this.why = `it took more than ${limitText(watch.exceeded, limits)}`;
      this.running.delete(running);
      return end;
    });
    const running: Running = { child, tree, exited };
    this.running.add(running);
    // A process that has ended reads nothing more; its end says so.
    const commands = child.stdin as Writable;
    commands.on("error", () => {});
    return {
      pid,
      commands,
      events: child.stdio[3] as Readable,
      exited,
      tail: async () => new TextDecoder().decode(await this.output.tail(TAIL_BYTES)),
      kill: () => end(running),
    };
  }

  /** Why one of them was ended, when it took more than it may. */
  exceeded(): string | undefined {
    return this.why;
  }

  /** Ends all of them. */
  async kill(): Promise<void> {
    await Promise.all([...this.running].map(end));
  }

  /** Whether this process has to stay for them. */
  hold(held: boolean): void {
    for (const { child } of this.running) {
      // Pipes are sockets, although their type does not say so.
      for (const handle of [child, child.stdin, child.stdio[3]] as unknown as Held[])
        if (held) handle.ref();
        else handle.unref();
    }
  }

  /** Resolves when one of those that run now has ended. */
  async oneEnded(): Promise<void> {
    await Promise.race([...this.running].map(({ exited }) => exited));
  }

  /** Ends them and removes their files. */
  async remove(): Promise<void> {
    await this.kill();
    await this.output.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface Running {
  child: ChildProcess;
  tree: ProcessTree;
  exited: Promise<ProcessEnd>;
}

interface Held {
  ref(): void;
  unref(): void;
}

async function end({ tree, exited }: Running): Promise<void> {
  await tree.kill();
  await exited;
}

function uniqueName(): string {
  started += 1;
  return `suite-${process.pid}-${started}`;
}

function notStarted(program: string, why: string): Error {
  return assayError("framework_missing", `${basename(program)} cannot be started: ${why}`);
}

async function ended(
  child: ChildProcess,
  kept: { tree: ProcessTree; watch: LimitWatch; confinement: Confinement; clock: Clock },
): Promise<ProcessEnd> {
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  kept.tree.markRootEnded();
  await kept.tree.clear();
  await kept.watch.close();
  await kept.confinement.remove(kept.clock);
  return exitCode !== null && exitCode > KILLED_BY
    ? { exitCode, signal: signalOf(exitCode - KILLED_BY) }
    : { exitCode, signal };
}

function signalOf(number: number): string | null {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
