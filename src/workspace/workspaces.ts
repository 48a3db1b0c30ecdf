import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../base/index.ts";
import { canonicalJson, memoized } from "../base/index.ts";
import type { SetupStep } from "../contracts/index.ts";
import { BlobCache } from "./blob-cache.ts";
import type { BlobSource } from "./blob-ports.ts";
import { bring } from "./bring.ts";
import { nameRulesOf } from "./portable-names.ts";
import type { NameRules } from "./portable-names.ts";
import { SetupSteps } from "./setup-steps.ts";
import type { RunLine } from "./setup-steps.ts";
import { orAborted } from "./turns.ts";

/** A folder that nobody asked for in so long a time goes. Longer than processes are kept that run in it. */
const IDLE_MS = 60_000;
/** More would only take disk space. */
const MAX_IDLE = 4;
/** Content of files and of what steps made, between runs. */
const MAX_CACHE_BYTES = 20 * 1024 ** 3;

export interface WorkspacesOptions {
  /** Of this process alone, as long as it runs. */
  cacheDir: string;
  clock: Clock;
  maxCacheBytes?: number;
}

export interface WorkspaceWish {
  /** Digest of the snapshot. */
  root: string;
  runId: string;
  /** Where in it steps run. */
  directory: string;
  setup: readonly SetupStep[];
  /** What else the outcome of steps depends on: the class of the machine, variables of the environment. */
  surroundings: string;
  source: BlobSource;
  run: RunLine;
  log: (text: string) => void;
  signal: AbortSignal;
}

/** A folder with the files of a snapshot, prepared. It is somebody's until it is released. */
export interface TakenWorkspace {
  folder: string;
  release(): void;
}

interface Entry {
  folder: string;
  users: number;
  /** Of whoever makes it. */
  signal: AbortSignal;
  made: Promise<void>;
  timer: Timer | undefined;
}

interface Store {
  cache: BlobCache;
  rules: NameRules;
  setup: SetupSteps;
}

/**
 * The folders that a worker makes of snapshots. Attempts of one run that need the same share a folder, as they would share a working tree;
 * another run gets a new one, so nothing that tests leave behind is there for the next.
 */
export class Workspaces {
  private readonly options: WorkspacesOptions;
  private readonly folders: string;
  private readonly entries = new Map<string, Entry>();
  private readonly store = memoized(() => this.open());
  /** One is made at a time: they need the same disk, and the cache makes room only between two. */
  private making: Promise<unknown> = Promise.resolve();

  constructor(options: WorkspacesOptions) {
    this.options = options;
    this.folders = join(options.cacheDir, "workspaces", "folders");
  }

  /** Errors: workspace_incomplete, workspace_refused, setup_step_failed, and those of the source; what the signal says once it fires. */
  async take(wish: WorkspaceWish): Promise<TakenWorkspace> {
    const { root, runId, directory, setup, surroundings, signal } = wish;
    const key = canonicalJson(setup.length === 0 ? { root, runId } : { root, runId, directory, setup, surroundings });
    for (;;) {
      const entry = this.entries.get(key) ?? this.begin(key, wish);
      entry.users += 1;
      entry.timer?.cancel();
      try {
        await orAborted(entry.made, signal);
        let isTaken = true;
        const release = (): void => {
          if (isTaken) this.release(key, entry);
          isTaken = false;
        };
        return { folder: entry.folder, release };
      } catch (error) {
        this.release(key, entry);
        // Whoever made it was told to stop, and this one was not.
        if (signal.aborted || !entry.signal.aborted) throw error;
      }
    }
  }

  /** No attempt follows. */
  async close(): Promise<void> {
    for (const [key, entry] of this.entries) {
      entry.timer?.cancel();
      this.entries.delete(key);
      await entry.made.catch(() => {});
      await removeFolder(entry.folder);
    }
  }

  private begin(key: string, wish: WorkspaceWish): Entry {
    const folder = join(this.folders, randomUUID().slice(0, 8));
    const entry: Entry = { folder, users: 0, signal: wish.signal, made: this.make(folder, wish), timer: undefined };
    this.entries.set(key, entry);
    entry.made.catch(() => {
      if (this.entries.get(key) === entry) this.entries.delete(key);
    });
    return entry;
  }

  private async make(folder: string, wish: WorkspaceWish): Promise<void> {
    const { root, source, signal, directory, setup, surroundings, run, log } = wish;
    const store = await this.store();
    const { cache, rules } = store;
    try {
      await this.alone(() => bring(root, folder, { source, cache, rules, signal }));
      const place = { folder: join(folder, directory), steps: setup, surroundings, run, log, signal };
      if (setup.length > 0) await store.setup.prepare(place);
      await this.alone(() => cache.evict());
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  }

  private async alone(action: () => Promise<unknown>): Promise<void> {
    const turn = this.making.then(action);
    this.making = turn.catch(() => {});
    await turn;
  }

  private release(key: string, entry: Entry): void {
    entry.users -= 1;
    if (entry.users > 0 || this.entries.get(key) !== entry) return;
    entry.timer = this.options.clock.setTimer(IDLE_MS, () => this.drop(key, entry));
    const idle = [...this.entries].filter(([, { users }]) => users === 0);
    for (const [oldKey, old] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE))) this.drop(oldKey, old);
  }

  private drop(key: string, entry: Entry): void {
    if (entry.users > 0 || this.entries.get(key) !== entry) return;
    entry.timer?.cancel();
    this.entries.delete(key);
    // What cannot be removed goes at the next start.
    void removeFolder(entry.folder).catch(() => {});
  }

  /** Folders of a process before this one are nobody's. */
  private async open(): Promise<Store> {
    const { cacheDir, maxCacheBytes = MAX_CACHE_BYTES } = this.options;
    const place = join(cacheDir, "workspaces");
    await removeFolder(this.folders);
    await mkdir(this.folders, { recursive: true, mode: 0o700 });
    const cache = await BlobCache.open(join(place, "blobs"), { maxBytes: maxCacheBytes });
    const rules = await nameRulesOf(place);
    return { cache, rules, setup: new SetupSteps({ folder: join(place, "setup"), cache, rules }) };
  }
}

/** Also what tests made read-only. */
async function removeFolder(folder: string): Promise<void> {
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await makeWritable(folder);
    await remove();
  });
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}
