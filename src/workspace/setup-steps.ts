import { lstatSync, readlinkSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { canonicalJson, errorCode } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { SetupStep } from "../contracts/index.ts";
import type { BlobCache } from "./blob-cache.ts";
import type { BlobSource } from "./blob-ports.ts";
import { bring, clear } from "./bring.ts";
import { digestOf, folderTree } from "./folder-tree.ts";
import type { TreeEntry } from "./folder-tree.ts";
import { everything } from "./listed-files.ts";
import type { NameRules } from "./portable-names.ts";
import { orAborted, turns } from "./turns.ts";

/** How a shell line ended, and the last that it printed. */
export interface StepEnd {
  exitCode: number | null;
  signal: string | null;
  tail: string;
}

/** Runs a shell line in a folder. */
export type RunLine = (line: string, folder: string) => Promise<StepEnd>;

export interface SetupPlace {
  /** Where the lines run. */
  folder: string;
  steps: readonly SetupStep[];
  /** What else the outcome depends on: the class of the machine, variables of the environment. */
  surroundings: string;
  run: RunLine;
  log: (text: string) => void;
  signal: AbortSignal;
}

interface KeyedStep extends SetupPlace {
  step: SetupStep;
  key: string;
}

/** Nothing that a step made is anywhere else. */
const nowhere: BlobSource = {
  fetchBlobs: async () => {},
  fetchBlob: async (sha256) => {
    throw assayError("not_found", `there is no blob ${sha256}`);
  },
};
const SHOWN_TAIL = 2_000;

/**
 * Runs steps that prepare a folder, or puts what they made before in place: a step whose line, inputs, steps before and surroundings are the same
 * runs once, also when it is wanted twice at the same time.
 */
export class SetupSteps {
  private readonly folder: string;
  private readonly cache: BlobCache;
  private readonly rules: NameRules;
  private readonly running = new Map<string, Promise<void>>();

  constructor({ folder, cache, rules }: { folder: string; cache: BlobCache; rules: NameRules }) {
    this.folder = folder;
    this.cache = cache;
    this.rules = rules;
  }

  /** Errors: setup_step_failed, with the last lines of the step. */
  async prepare(place: SetupPlace): Promise<void> {
    let before = place.surroundings;
    for (const asked of place.steps) {
      const step = { ...asked, outputs: asked.outputs.map((path) => outputPath(path, asked)) };
      const inputs = await Promise.all(step.inputs.map((path) => this.digestAt(place.folder, path)));
      const key = digestOf(canonicalJson({ before, run: step.run, inputs, outputs: step.outputs }));
      const keyed = { ...place, step, key };
      if (step.outputs.length === 0) await this.run(keyed);
      else await this.restoreOrRun(keyed);
      before = key;
    }
  }

  private async restoreOrRun(keyed: KeyedStep): Promise<void> {
    const { key, signal } = keyed;
    for (;;) {
      if (await this.restore(keyed)) return;
      const other = this.running.get(key);
      if (other === undefined) break;
      await orAborted(
        other.catch(() => {}),
        signal,
      );
    }
    const running = this.run(keyed).then(() => this.keep(keyed));
    this.running.set(key, running);
    try {
      await running;
    } finally {
      this.running.delete(key);
    }
  }

  private async run({ step, folder, run, log, signal }: KeyedStep): Promise<void> {
    log(`setup: ${step.run}\n`);
    const { exitCode, signal: killedBy, tail } = await run(step.run, folder);
    signal.throwIfAborted();
    if (exitCode === 0) return;
    const how = killedBy === null ? `with exit code ${exitCode}` : `by the signal ${killedBy}`;
    const said = tail.trim() === "" ? "" : `: ${tail.trim().slice(-SHOWN_TAIL)}`;
    throw assayError("setup_step_failed", `${step.run} ended ${how}${said}`);
  }

  private async restore({ step, folder, key, log, signal }: KeyedStep): Promise<boolean> {
    const root = await readFile(join(this.folder, key), "utf8").catch(() => undefined);
    if (root === undefined) return false;
    for (const path of step.outputs) await clear(folder, path);
    const { cache, rules } = this;
    try {
      await bring(root, folder, { source: nowhere, cache, rules, signal, anyLinks: true });
    } catch (error) {
      // A part of it had to make room.
      if (errorCode(error) !== "workspace_incomplete") throw error;
      for (const path of step.outputs) await clear(folder, path);
      return false;
    }
    log(`setup: ${step.run} (kept from before)\n`);
    return true;
  }

  private async keep({ step, folder, key, log, signal }: KeyedStep): Promise<void> {
    const entries = new Map<string, TreeEntry>();
    for (const path of step.outputs) {
      const found = await this.kept(folder, path, signal);
      if (found.length === 0)
        throw assayError("setup_step_failed", `${step.run} did not make ${path}`, {
          next: "Correct the outputs of the step, or the step.",
        });
      for (const entry of found) entries.set(entry.path, entry);
    }
    const { root, folders } = folderTree(entries.values());
    for (const [sha256, { bytes }] of folders) this.cache.put(sha256, bytes);
    await mkdir(this.folder, { recursive: true });
    const temporary = join(this.folder, `${key}.new`);
    await writeFile(temporary, root);
    await rename(temporary, join(this.folder, key));
    log(`setup: kept ${entries.size} files of ${step.outputs.join(", ")}\n`);
  }

  /** All that is at a path, its content in the cache. */
  private async kept(folder: string, path: string, signal: AbortSignal): Promise<TreeEntry[]> {
    const turn = turns(signal);
    const entries: TreeEntry[] = [];
    for (const one of await everything(folder, path)) {
      await turn();
      const file = join(folder, one);
      const stats = lstatSync(file);
      if (stats.isDirectory()) entries.push({ kind: "folder", path: one });
      else if (stats.isSymbolicLink()) entries.push({ kind: "link", path: one, target: readlinkSync(file) });
      else if (stats.isFile()) {
        const sha256 = await this.cache.keepFile(file, stats.size);
        const executable = (stats.mode & 0o100) !== 0;
        entries.push({ kind: "file", path: one, sha256, size: stats.size, executable });
      }
    }
    return entries;
  }

  /** Of a file, or of all in a folder; null for nothing. */
  private async digestAt(folder: string, path: string): Promise<string | null> {
    const all = await everything(folder, path);
    if (all.length === 0) return null;
    const digests: [string, string][] = [];
    for (const one of all) {
      const stats = lstatSync(join(folder, one));
      if (stats.isSymbolicLink()) digests.push([one, readlinkSync(join(folder, one))]);
      else if (stats.isFile()) digests.push([one, digestOf(await readFile(join(folder, one)))]);
    }
    return digestOf(canonicalJson(digests));
  }
}

/** In its shortest form. */
function outputPath(path: string, step: SetupStep): string {
  const short = posix.normalize(path).replace(/\/$/, "");
  if (short !== ".") return short;
  throw assayError("setup_step_failed", `${step.run}: the folder in which a step runs cannot be its output`, {
    next: "Name the files and folders in it that the step makes.",
  });
}
