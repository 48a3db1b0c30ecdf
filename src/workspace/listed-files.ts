import { access, glob, lstat, readdir } from "node:fs/promises";
import { basename, join, matchesGlob, sep } from "node:path";
import { assayError } from "../contracts/index.ts";
import { git } from "./git.ts";
import type { GitOptions } from "./git.ts";

/** Folders of what is made from other files, or is of this machine alone. */
export const MADE: ReadonlySet<string> = new Set([
  ...[".assay", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox"],
  ...[".pytest_cache", ".mypy_cache", ".ruff_cache"],
]);
/** Where there is no git to say what is ignored. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".DS_Store", ...MADE]);

/** Never part of a workspace, ignored or not. */
const NEVER = new Set([".git", ".assay"]);

/** Files of a folder that are not ignored, with `/`; null when git knows nothing of the folder. A repository in it is named as a folder. */
export async function gitFiles(folder: string, options: Omit<GitOptions, "cwd">): Promise<string[] | null> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { exitCode, stdout, stderr } = await git(args, { ...options, cwd: folder });
  if (exitCode !== 0) {
    if (stderr.includes("not a git repository")) return null;
    throw assayError("workspace_refused", `git does not list the files of ${folder}: ${stderr.trim()}`, {
      next: "Mend what git says.",
    });
  }
  // All of a folder may be ignored by a repository around it; then the folder stands for itself.
  return stdout.length === 0
    ? null
    : [...new Set(pathsIn(stdout))].filter((path) => !NEVER.has(path.split("/")[0] ?? ""));
}

/** All files of a folder but those that are well known to be made from others. */
export function plainFiles(folder: string): Promise<string[]> {
  return walk(folder, "", LEFT_OUT);
}

/**
 * What patterns mean, ignored or not: files, and all that is in folders. Nothing that is reached through a link; and what a pattern without a
 * slash means is not looked for in what is made from others.
 */
export async function includedFiles(folder: string, patterns: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of patterns) {
    if (pattern.split("/").includes(".."))
      throw assayError("invalid_field", `workspace.include: ${pattern} leads out of the project`, {
        next: "Name files below the folder of the project.",
      });
    for await (const native of matches(folder, pattern)) {
      const path = native.split(sep).join("/");
      if (path === "." || path.split("/").some((name) => NEVER.has(name))) continue;
      if (!(await isBelowLink(folder, path))) found.push(...(await allOf(folder, path)));
    }
  }
  return found;
}

function matches(cwd: string, pattern: string): AsyncIterable<string> {
  const meant = pattern.replace(/\/(\*\*)?$/, "");
  if (meant.includes("/")) return glob(meant.replace(/^\/+/, ""), { cwd });
  const isForeign = (path: string): boolean => LEFT_OUT.has(basename(path)) && !matchesGlob(basename(path), meant);
  return glob(`**/${meant}`, { cwd, exclude: isForeign });
}

/** The files of a repository that lies in a folder, as the folder names them; none of a submodule that is not there. */
export async function nestedFiles(folder: string, path: string, options: Omit<GitOptions, "cwd">): Promise<string[]> {
  const nested = join(folder, path);
  if (!(await exists(join(nested, ".git")))) return [];
  return ((await gitFiles(nested, options)) ?? []).map((one) => `${path}/${one}`);
}

/** Everything below `path`; itself when it is no folder. */
export async function allOf(folder: string, path: string): Promise<string[]> {
  const info = await lstat(join(folder, path)).catch(() => undefined);
  if (info === undefined) return [];
  return info.isDirectory() ? walk(folder, path, NEVER) : [path];
}

/** The same with its folders, those of a repository too, in order; nothing when there is nothing at the path. */
export async function everything(folder: string, path: string): Promise<string[]> {
  const info = await lstat(join(folder, path)).catch(() => undefined);
  if (info === undefined) return [];
  if (!info.isDirectory()) return [path];
  const names = (await readdir(join(folder, path))).sort();
  const below = await Promise.all(names.map((name) => everything(folder, path === "." ? name : `${path}/${name}`)));
  return [...(path === "." ? [] : [path]), ...below.flat()];
}

async function walk(folder: string, path: string, without: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
    if (without.has(entry.name)) continue;
    const below = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await walk(folder, below, without)));
    else found.push(below);
  }
  return found;
}

function pathsIn(listing: Buffer): string[] {
  try {
    return decoded(listing).split("\0").filter(Boolean).map(withoutSlash);
  } catch {
    for (let from = 0; from < listing.length;) {
      const end = listing.indexOf(0, from);
      const name = listing.subarray(from, end < 0 ? listing.length : end);
      from += name.length + 1;
      try {
        decoded(name);
      } catch {
        throw refusedName(name.toString("latin1"));
      }
    }
    return [];
  }
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function refusedName(name: string): Error {
  return assayError(
    "workspace_refused",
    `the name ${JSON.stringify(name)} is not UTF-8, and no other system could have it`,
  );
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

async function isBelowLink(folder: string, path: string): Promise<boolean> {
  const names = path.split("/").slice(0, -1);
  for (let depth = 1; depth <= names.length; depth += 1)
    if ((await lstat(join(folder, ...names.slice(0, depth)))).isSymbolicLink()) return true;
  return false;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
