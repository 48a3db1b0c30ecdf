import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { errorCode } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";

export interface ChangedFile {
  /** Relative to the top of the repository. */
  file: string;
  change: "added" | "modified" | "deleted";
}

/** What differs between the files as they are now and a commit, and which files there are. */
export interface Changes {
  /** The folder of the repository. */
  top: string;
  /** Where the project is in it: empty, or with a slash at its end. */
  prefix: string;
  /** The commit from which on changes count: where both histories parted. */
  base: string;
  changed: ChangedFile[];
  /** All files that git does not ignore, and those that were deleted, relative to the top. */
  files: string[];
  /** The text of a file at `base`; undefined where it was not there. */
  before: (file: string) => Promise<string | undefined>;
}

const MAX_BYTES = 512 * 1024 * 1024;
/** Folders of what is made from other files: where a repository forgets to ignore them, running its tests would count as a change. */
const MADE = new Set([
  ...["__pycache__", "node_modules", ".assay", ".venv", "venv", ".tox", ".nox"],
  ...[".pytest_cache", ".mypy_cache", ".ruff_cache"],
]);
const KINDS: Readonly<Record<string, ChangedFile["change"]>> = { A: "added", D: "deleted" };

/**
 * Asks git what changed since a commit: in later commits, in what is staged, in the working tree and in files that git does not know
 * yet. What was moved counts as deleted and added. Error: changes_unknown.
 */
export async function changedFiles(folder: string, since: string, env: NodeJS.ProcessEnv): Promise<Changes> {
  const git = (cwd: string, ...given: string[]): Promise<string> => askGit(cwd, given, env);
  const [up = "", prefix = ""] = (await git(folder, "rev-parse", "--show-cdup", "--show-prefix")).split("\n");
  // Upwards from where a link leads.
  const top = resolve(await realpath(folder), up);
  const named = await git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", `${since}^{commit}`).catch(
    () => "",
  );
  const commit = named.trim();
  if (commit === "") throw assayError("changes_unknown", `there is no commit ${since} in the repository ${top}`);
  // Histories that never met, or are cut off: then all that differs counts.
  const base = await git(top, "merge-base", commit, "HEAD").then(
    (text) => text.trim(),
    () => commit,
  );
  const plain = ["--no-ext-diff", "--no-renames", "--ignore-submodules=none"];
  const differs = await git(top, "diff", ...plain, "--name-status", "-z", base, "--");
  const unknown = listed(await git(top, "ls-files", "--others", "--exclude-standard", "-z")).filter(isSource);
  const changed = new Map<string, ChangedFile["change"]>(unknown.map((file) => [file, "added"]));
  const fields = listed(differs);
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [kind = "", file = ""] = fields.slice(index, index + 2);
    // Taken out of the index, it may still be there.
    changed.set(file, changed.has(file) ? "modified" : (KINDS[kind] ?? "modified"));
  }
  const tracked = listed(await git(top, "ls-files", "--cached", "-z"));
  return {
    top,
    prefix,
    base,
    changed: [...changed].map(([file, change]) => ({ file, change })).toSorted((a, b) => (a.file < b.file ? -1 : 1)),
    files: [...new Set([...tracked, ...changed.keys()])],
    before: (file) => git(top, "show", `${base}:${file}`).catch(() => undefined),
  };
}

function isSource(file: string): boolean {
  return !file.split("/").some((name) => MADE.has(name));
}

function listed(text: string): string[] {
  return text.split("\0").filter((part) => part !== "");
}

async function askGit(cwd: string, given: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const options = { cwd, env, maxBuffer: MAX_BYTES, windowsHide: true };
  try {
    return (await promisify(execFile)("git", ["--no-optional-locks", ...given], options)).stdout;
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw assayError("changes_unknown", "there is no git on the PATH");
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n")[0] : undefined;
    throw assayError("changes_unknown", `git cannot say what changed in ${cwd}: ${said ?? "it failed"}`);
  }
}
