import type { BigIntStats } from "node:fs";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { MAX_WORKSPACE_BYTES, MAX_WORKSPACE_FILES, SMALL_BLOB_BYTES } from "./blob-ports.ts";
import { DigestCache } from "./digest-cache.ts";
import { digestOf, digestOfFile, folderTree } from "./folder-tree.ts";
import type { FolderTree, TreeEntry } from "./folder-tree.ts";
import type { Environment } from "./git.ts";
import { gitFiles, includedFiles, nestedFiles, plainFiles, refusedName } from "./listed-files.ts";
import { pathMatcher } from "./path-patterns.ts";
import { turns } from "./turns.ts";

export interface SnapshotOptions {
  /** Patterns of files that belong to it though git ignores them. */
  include?: readonly string[];
  /** Patterns of files that do not belong to it. */
  exclude?: readonly string[];
  /** Folders that do not belong to it, wherever they are. */
  without?: readonly string[];
  /** Where digests are kept from one snapshot of the folder to the next. */
  cacheFile?: string | undefined;
  /** For git. */
  env: Environment;
  signal?: AbortSignal | undefined;
  maxFiles?: number;
  maxBytes?: number;
}

/** A file to be sent. */
export interface SnapshotFile {
  path: string;
  size: number;
}

/** A folder at one moment, as digests. */
export interface Snapshot extends FolderTree {
  folder: string;
  /** One file for each content, by its digest. */
  contents: ReadonlyMap<string, SnapshotFile>;
  paths: ReadonlySet<string>;
  files: number;
  bytes: number;
}

const EXECUTABLE = 0o100n;
const SHOWN_NAME = 300;

/**
 * What a folder holds: what git tracks and does not ignore, as it is on the disk. Errors, with the name of the file: workspace_refused; and
 * invalid_field for a pattern that leads out, dependency_missing without git.
 */
export async function snapshot(folder: string, options: SnapshotOptions): Promise<Snapshot> {
  const { include = [], cacheFile, env, signal } = options;
  const cache = await DigestCache.open(cacheFile);
  const maker = new SnapshotMaker(folder, cache, options);
  let paths = (await gitFiles(folder, { env, signal })) ?? (await plainFiles(folder));
  paths.push(...(await includedFiles(folder, include)));
  while (paths.length > 0) {
    const repositories = await maker.add(paths);
    paths = (await Promise.all(repositories.map((one) => nestedFiles(folder, one, { env, signal })))).flat();
  }
  await cache.save();
  return maker.snapshot();
}

class SnapshotMaker {
  private readonly folder: string;
  private readonly cache: DigestCache;
  private readonly options: SnapshotOptions;
  private readonly isExcluded: (path: string) => boolean;
  private readonly without: readonly string[];
  private readonly entries = new Map<string, TreeEntry>();
  private readonly contents = new Map<string, SnapshotFile>();
  private files = 0;
  private bytes = 0;

  constructor(folder: string, cache: DigestCache, options: SnapshotOptions) {
    this.folder = folder;
    this.cache = cache;
    this.options = options;
    this.isExcluded = pathMatcher(options.exclude ?? []);
    this.without = (options.without ?? []).flatMap((one) => {
      const path = relative(folder, one).split(sep).join("/");
      return path === "" || path.startsWith("..") ? [] : [path];
    });
  }

  /** Gives the folders among the paths: repositories within this one. */
  async add(paths: readonly string[]): Promise<string[]> {
    const turn = turns(this.options.signal);
    const folders: string[] = [];
    for (const path of paths) {
      await turn();
      if (this.entries.has(path) || this.isLeftOut(path)) continue;
      const lookedAtMs = Date.now();
      const stats = lstatSync(join(this.folder, path), { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) {
        // Deleted, unless the name has been changed to be readable.
        if (path.includes("\uFFFD")) throw refusedName(path);
      } else if (stats.isDirectory()) folders.push(path);
      else if (stats.isSymbolicLink()) this.addLink(path);
      else if (stats.isFile()) await this.addFile(path, stats, lookedAtMs);
      else throw refused(path, "is neither a file nor a folder nor a link");
    }
    return folders;
  }

  snapshot(): Snapshot {
    const { folder, contents, files, bytes, entries } = this;
    return { ...folderTree(entries.values()), folder, contents, paths: new Set(entries.keys()), files, bytes };
  }

  private isLeftOut(path: string): boolean {
    return this.isExcluded(path) || this.without.some((one) => path === one || path.startsWith(`${one}/`));
  }

  private addLink(path: string): void {
    const target = readlinkSync(join(this.folder, path));
    if (leadsOut(path, target)) throw refused(path, `is a link that leads out of the workspace, to ${target}`);
    this.count(path, 0);
    this.entries.set(path, { kind: "link", path, target: target.split(sep).join("/") });
  }

  private async addFile(path: string, stats: BigIntStats, lookedAtMs: number): Promise<void> {
    if (!path.isWellFormed()) throw refusedName(path);
    const size = Number(stats.size);
    this.count(path, size);
    let sha256 = this.cache.find(path, stats);
    if (sha256 === undefined) {
      sha256 = await this.read(path, size);
      this.cache.keep(path, { stats, lookedAtMs, sha256 });
    }
    this.entries.set(path, { kind: "file", path, sha256, size, executable: (stats.mode & EXECUTABLE) !== 0n });
    this.contents.set(sha256, { path, size });
  }

  private async read(path: string, size: number): Promise<string> {
    const file = join(this.folder, path);
    try {
      // Small files take a fraction of the time when nobody is asked to come back later.
      if (size <= SMALL_BLOB_BYTES) return digestOf(readFileSync(file));
      return await digestOfFile(file, this.options.signal);
    } catch (error) {
      this.options.signal?.throwIfAborted();
      throw refused(path, `cannot be read: ${errorMessage(error)}`);
    }
  }

  private count(path: string, size: number): void {
    const { maxFiles = MAX_WORKSPACE_FILES, maxBytes = MAX_WORKSPACE_BYTES } = this.options;
    this.files += 1;
    this.bytes += size;
    if (this.files > maxFiles) throw tooMuch(this.folder, `more than ${maxFiles} files`, path);
    if (this.bytes > maxBytes) throw tooMuch(this.folder, `more than ${Math.round(maxBytes / 1e6)} MB`, path);
  }
}

/** Whether a link points at something that a worker would not have, or have elsewhere. */
export function leadsOut(path: string, target: string): boolean {
  const portable = target.split(sep).join("/");
  if (portable.startsWith("/") || /^[A-Za-z]:/.test(portable)) return true;
  const end = posix.join(posix.dirname(path), portable);
  return end === ".." || end.startsWith("../");
}

function refused(path: string, why: string): Error {
  return assayError("workspace_refused", `${path.slice(0, SHOWN_NAME)} ${why}`, {
    next: "Remove it, or name it under workspace.exclude in assay.yaml.",
  });
}

function tooMuch(folder: string, what: string, path: string): Error {
  return assayError("workspace_refused", `${folder} has ${what}, ${path.slice(0, SHOWN_NAME)} among them`, {
    next: "Let git ignore what tests do not need, or name it under workspace.exclude in assay.yaml.",
  });
}
