import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errorMessage } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import { readJson, writeDurably } from "./durable-file.ts";
import { refusedVersion } from "./supervision.ts";
import type { SupervisedBy } from "./supervision.ts";
import { release, removeOtherVersions } from "./versions.ts";
import type { Release } from "./versions.ts";
import type { WorkerLogger } from "./worker-logger.ts";

const BACK_OFF = { firstMs: 1_000, mostMs: 60_000 };
/** A process that lived so long did not die of what the one before it died of. */
const STEADY_MS = 60_000;
/** How long a version that did not become healthy has to end by itself. */
const KILL_GRACE_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

const stateFile = z.strictObject({
  /** The version that a person installed; another one than before wins over what was updated to. */
  base: z.string(),
  good: release.nullable(),
  refused: refusedVersion.nullable(),
});
type State = z.infer<typeof stateFile>;

export interface SupervisorOptions {
  /** Holds the installed versions and what is known about them. */
  folder: string;
  /** The version that the supervisor itself is of. */
  base: Release;
  /** Starts a worker process with a channel for messages; it is told `told`. */
  start: (entry: string, told: SupervisedBy) => ChildProcess;
  /** What a process ends with that is to be started anew, and one that another start cannot help: its command line is wrong. */
  exitCodes: { restart: number; usage: number };
  /** How long a new version may take to connect. */
  healthyWithinMs: number;
  clock: Clock;
  logger: WorkerLogger;
  /** Ends the worker, and then the supervision. */
  signal: AbortSignal;
}

/** How a worker process ended. */
interface ProcessEnd {
  code: number | null;
  how: string;
  healthy: boolean;
  livedMs: number;
}

/** Starts worker processes one after the other, until one ends for good. Gives what to end with. */
export async function superviseWorker(options: SupervisorOptions): Promise<number> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const supervisor = new Supervisor(options, await loadState(options));
  // Between two worker processes nothing else would keep this one alive.
  const alive = setInterval(() => undefined, KEEP_ALIVE_MS);
  try {
    return await supervisor.run();
  } finally {
    clearInterval(alive);
  }
}

/** Has a version started next, once the worker process asks to be started anew. */
export async function chooseNextVersion(folder: string, next: Release): Promise<void> {
  await writeDurably(join(folder, "next.json"), JSON.stringify(next));
}

async function loadState({ folder, base }: SupervisorOptions): Promise<State> {
  const known = stateFile.safeParse(await readJson(join(folder, "state.json")));
  if (known.success && known.data.base === base.version) return known.data;
  return { base: base.version, good: null, refused: null };
}

class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly state: State;
  /** A version that has not been connected yet. */
  private trial: Release | null = null;
  private note: string | null = null;
  private crashes = 0;

  constructor(options: SupervisorOptions, state: State) {
    this.options = options;
    this.state = state;
  }

  async run(): Promise<number> {
    for (;;) {
      const end = await this.runOnce();
      const { signal, exitCodes } = this.options;
      if (signal.aborted) return end.code ?? 1;
      // A new version that ends without having been connected is no good, however it ends.
      if (this.trial !== null) await this.fallBack(this.trial, end);
      else if (end.code === 0) return end.code;
      else if (end.code === exitCodes.restart) await this.takeNext();
      else if (end.code === exitCodes.usage) return end.code;
      else await this.backOff(end);
      if (signal.aborted) return end.code ?? 1;
    }
  }

  private get good(): Release {
    return this.state.good ?? this.options.base;
  }

  private async runOnce(): Promise<ProcessEnd> {
    const { start, clock, signal, healthyWithinMs } = this.options;
    const { entry, version } = this.trial ?? this.good;
    const startedMs = clock.monotonicMs();
    const child = start(entry, { version, note: this.note, refused: this.state.refused });
    let healthy = false;
    let late = false;
    const watch = clock.setTimer(healthyWithinMs, () => {
      if (this.trial === null) return;
      late = true;
      void endProcess(child, clock);
    });
    child.on("message", () => {
      healthy = true;
      watch.cancel();
      if (this.trial !== null && !late) void this.promote(this.trial);
    });
    const stop = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    const [code, died] = await ended(child);
    signal.removeEventListener("abort", stop);
    watch.cancel();
    const how = late ? `it did not connect within ${healthyWithinMs / 1000} s` : died;
    return { code: late ? null : code, how, healthy, livedMs: clock.monotonicMs() - startedMs };
  }

  /** The new version works: it is the one to go back to from now on; the one before it stays on disk. */
  private async promote(trial: Release): Promise<void> {
    const before = this.good.version;
    this.trial = null;
    Object.assign(this.state, { good: trial, refused: null });
    this.options.logger.info({ version: trial.version }, `version ${trial.version} works`);
    await this.orWarn(async () => {
      await this.save();
      await removeOtherVersions(this.options.folder, [trial.version, before]);
    });
  }

  private async fallBack(trial: Release, { how }: ProcessEnd): Promise<void> {
    const reason = `version ${trial.version} was given up: ${how}`;
    this.options.logger.error({ version: trial.version }, `${reason}; back to ${this.good.version}`);
    this.trial = null;
    this.note = `${reason}; back at ${this.good.version}`;
    this.state.refused = { version: trial.version, reason };
    await this.orWarn(() => this.save());
  }

  private async takeNext(): Promise<void> {
    const path = join(this.options.folder, "next.json");
    const next = release.safeParse(await readJson(path));
    await rm(path, { force: true });
    this.crashes = 0;
    this.trial = next.success ? next.data : null;
    this.note = next.success ? `updated to ${next.data.version}` : "restarted as asked";
  }

  private async backOff({ how, livedMs }: ProcessEnd): Promise<void> {
    const { clock, logger, signal } = this.options;
    this.crashes = livedMs >= STEADY_MS ? 1 : this.crashes + 1;
    const waitMs = Math.min(BACK_OFF.mostMs, BACK_OFF.firstMs * 2 ** (this.crashes - 1));
    this.note = `started anew: ${how}${this.crashes > 1 ? `, ${this.crashes} times in a row` : ""}`;
    logger.error({ crashes: this.crashes, wait_ms: waitMs }, `the worker process ended: ${how}`);
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(waitMs, resolve);
      signal.addEventListener("abort", () => (timer.cancel(), resolve()), { once: true });
    });
  }

  private save(): Promise<void> {
    return writeDurably(join(this.options.folder, "state.json"), JSON.stringify(this.state));
  }

  /** A full disk must not end the worker: what could not be saved holds as long as this process lives. */
  private async orWarn(save: () => Promise<void>): Promise<void> {
    try {
      await save();
    } catch (error) {
      this.options.logger.warn({ err: errorMessage(error) }, "what is known of the versions could not be saved");
    }
  }
}

/** Resolves when a process has ended, or could not be started. */
async function ended(child: ChildProcess): Promise<[code: number | null, how: string]> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    return [code, code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}`];
  } catch (error) {
    return [null, `it could not be started: ${String(error)}`];
  }
}

async function endProcess(child: ChildProcess, clock: Clock): Promise<void> {
  child.kill("SIGTERM");
  const timer = clock.setTimer(KILL_GRACE_MS, () => child.kill("SIGKILL"));
  await ended(child);
  timer.cancel();
}
