import { lstat, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, errorMessage } from "../base/index.ts";
import { assayError, folderListing } from "../contracts/index.ts";
import type { FolderListing } from "../contracts/index.ts";
import { MAX_WORKSPACE_BYTES, MAX_WORKSPACE_FILES, SMALL_BLOB_BYTES } from "./blob-ports.ts";
import type { BlobSource } from "./blob-ports.ts";
import type { BlobCache } from "./blob-cache.ts";
import { nameFault } from "./portable-names.ts";
import type { NameRules } from "./portable-names.ts";
import { leadsOut } from "./snapshot.ts";
import { turns } from "./turns.ts";

export interface BringOptions {
  source: BlobSource;
  cache: BlobCache;
  rules: NameRules;
  signal: AbortSignal;
  /** Links may lead anywhere: they were made on this machine. */
  anyLinks?: boolean;
}

interface PlannedFile {
  path: string;
  sha256: string;
  size: number;
  executable: boolean;
}

interface Plan {
  /** Each after the one that it is in. */
  folders: string[];
  files: PlannedFile[];
  links: { path: string; target: string }[];
  bytes: number;
}

/** Of paths below each other; no system takes deeper ones. */
const MAX_DEPTH = 1_000;

/**
 * Makes what a snapshot holds in a folder, in which nothing of it may be. Files are copies: tests may write to them. Errors: workspace_incomplete,
 * workspace_refused, and those of the source.
 */
export async function bring(root: string, folder: string, options: BringOptions): Promise<{ files: number }> {
  const { cache, signal } = options;
  const plan = planOf(root, await listingsOf(root, options), options);
  await fetchFiles(plan.files, options);
  const turn = turns(signal);
  for (const path of plan.folders) await mkdir(join(folder, path), { recursive: true });
  const damaged: PlannedFile[] = [];
  const write = async (file: PlannedFile): Promise<boolean> => {
    await turn();
    return cache.copyTo(file.sha256, join(folder, file.path), file.executable);
  };
  for (const file of plan.files) if (!(await write(file))) damaged.push(file);
  await fetchFiles(damaged, options);
  for (const file of damaged) if (!(await write(file))) throw incomplete(file.path);
  // Last, so that nothing is written through one.
  for (const { path, target } of plan.links) await symlink(target, join(folder, path));
  return { files: plan.files.length + plan.links.length };
}

/** Removes what is at a path below a folder. Error, when a part of the way is a link: workspace_refused. */
export async function clear(folder: string, path: string): Promise<void> {
  const names = path.split("/").filter((name) => name !== ".");
  for (let depth = 1; depth < names.length; depth += 1) {
    const info = await lstat(join(folder, ...names.slice(0, depth))).catch(() => undefined);
    if (info?.isSymbolicLink() === true)
      throw assayError("workspace_refused", `${path} leads through the link ${names.slice(0, depth).join("/")}`);
  }
  if (names.length > 0) await rm(join(folder, ...names), { recursive: true, force: true });
}

async function listingsOf(root: string, options: BringOptions): Promise<Map<string, FolderListing>> {
  const { cache, signal } = options;
  const listings = new Map<string, FolderListing>();
  for (let level = [root]; level.length > 0;) {
    signal.throwIfAborted();
    await fetchSome(
      level.filter((sha256) => cache.read(sha256) === undefined),
      options,
    );
    const below = new Set<string>();
    for (const sha256 of level) {
      const listing = readListing(sha256, options);
      listings.set(sha256, listing);
      for (const entry of listing.entries) if (entry.kind === "folder") below.add(entry.sha256);
    }
    level = [...below].filter((sha256) => !listings.has(sha256));
  }
  return listings;
}

function readListing(sha256: string, { cache, rules }: BringOptions): FolderListing {
  const bytes = cache.read(sha256);
  if (bytes === undefined) throw incomplete(`the listing ${sha256}`);
  let listing: FolderListing;
  try {
    listing = folderListing.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    throw assayError("workspace_refused", `${sha256} is not the listing of a folder: ${errorMessage(error)}`, {
      next: "Ship the folder again with this version of Assay.",
      cause: error,
    });
  }
  const names = listing.entries.map(({ name }) => name);
  const unordered = names.find((name, index) => index > 0 && (names[index - 1] ?? "") >= name);
  if (unordered !== undefined)
    throw assayError("workspace_refused", `the listing ${sha256} is not in order at ${JSON.stringify(unordered)}`);
  const fault = nameFault(names, rules);
  if (fault !== undefined)
    throw assayError("workspace_refused", fault, {
      next: "Rename it, name it under workspace.exclude in assay.yaml, or ask for workers of another system.",
    });
  return listing;
}

function planOf(root: string, listings: ReadonlyMap<string, FolderListing>, options: BringOptions): Plan {
  const plan: Plan = { folders: [""], files: [], links: [], bytes: 0 };
  const add = (sha256: string, folder: string, depth: number): void => {
    if (depth > MAX_DEPTH) throw tooMuch(`folders in more than ${MAX_DEPTH} others`);
    for (const entry of listings.get(sha256)?.entries ?? []) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.kind === "folder") {
        plan.folders.push(path);
        add(entry.sha256, path, depth + 1);
      } else if (entry.kind === "link") plan.links.push(checkedLink(path, entry.target, options));
      else {
        plan.files.push({ path, sha256: entry.sha256, size: entry.size, executable: entry.executable === true });
        plan.bytes += entry.size;
      }
      // A few folders that stand in each other many times are more than any disk holds.
      if (plan.files.length + plan.links.length + plan.folders.length > MAX_WORKSPACE_FILES * 2)
        throw tooMuch(`more than ${MAX_WORKSPACE_FILES} files`);
      if (plan.bytes > MAX_WORKSPACE_BYTES) throw tooMuch(`more than ${Math.round(MAX_WORKSPACE_BYTES / 1e6)} MB`);
    }
  };
  add(root, "", 0);
  return plan;
}

function checkedLink(path: string, target: string, { anyLinks }: BringOptions): { path: string; target: string } {
  if (anyLinks !== true && leadsOut(path, target))
    throw assayError("workspace_refused", `${path} is a link that leads out of the workspace, to ${target}`);
  return { path, target };
}

async function fetchFiles(files: readonly PlannedFile[], options: BringOptions): Promise<void> {
  const { cache, source } = options;
  const missing = new Map(files.filter(({ sha256 }) => !cache.has(sha256)).map((file) => [file.sha256, file]));
  const isSmall = ({ size }: PlannedFile): boolean => size <= SMALL_BLOB_BYTES;
  await fetchSome(
    [...missing.values()].filter(isSmall).map(({ sha256 }) => sha256),
    options,
  );
  for (const { sha256, path, size } of missing.values()) {
    if (size > SMALL_BLOB_BYTES) {
      options.signal.throwIfAborted();
      const file = cache.newPath();
      await source.fetchBlob(sha256, file).catch(notThere(path));
      await cache.adopt(sha256, file);
    } else if (!cache.has(sha256)) throw incomplete(path);
  }
}

async function fetchSome(sha256s: readonly string[], { source, cache, signal }: BringOptions): Promise<void> {
  if (sha256s.length === 0) return;
  signal.throwIfAborted();
  await source
    .fetchBlobs(sha256s, async (sha256, bytes) => cache.put(sha256, bytes))
    .catch(notThere("a part of the workspace"));
}

function notThere(what: string): (error: unknown) => never {
  return (error) => {
    if (errorCode(error) !== "not_found") throw error;
    throw incomplete(what, error);
  };
}

function incomplete(what: string, cause?: unknown): Error {
  return assayError("workspace_incomplete", `${what} is not there, or is damaged`, { cause });
}

function tooMuch(what: string): Error {
  return assayError("workspace_refused", `the workspace has ${what}`);
}
