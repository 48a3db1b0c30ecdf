import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { errorCode } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import { git, MADE } from "../../workspace/index.ts";

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

const KINDS: Readonly<Record<string, ChangedFile["change"]>> = { A: "added", D: "deleted" };

/**
 * Asks git what changed since a commit: in later commits, in what is staged, in the working tree and in files that git does not know
 * yet. What was moved counts as deleted and added. Error: changes_unknown.
 */
export async function changedFiles(folder: string, since: string, env: NodeJS.ProcessEnv): Promise<Changes> {
  const ask = (cwd: string, ...given: string[]): Promise<string> => askGit(cwd, given, env);
  const [up = "", prefix = ""] = (await ask(folder, "rev-parse", "--show-cdup", "--show-prefix")).split("\n");
  // Upwards from where a link leads.
  const top = resolve(await realpath(folder), up);
  const named = await ask(top, "rev-parse", "--verify", "--quiet", "--end-of-options", `${since}^{commit}`).catch(
    () => "",
  );
  const commit = named.trim();
  if (commit === "") throw assayError("changes_unknown", `there is no commit ${since} in the repository ${top}`);
  // Histories that never met, or are cut off: then all that differs counts.
  const base = await ask(top, "merge-base", commit, "HEAD").then(
    (text) => text.trim(),
    () => commit,
  );
  const plain = ["--no-ext-diff", "--no-renames", "--ignore-submodules=none"];
  const differs = await ask(top, "diff", ...plain, "--name-status", "-z", base, "--");
  const unknown = listed(await ask(top, "ls-files", "--others", "--exclude-standard", "-z")).filter(isSource);
  const changed = new Map<string, ChangedFile["change"]>(unknown.map((file) => [file, "added"]));
  const fields = listed(differs);
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [kind = "", file = ""] = fields.slice(index, index + 2);
    // Taken out of the index, it may still be there.
    changed.set(file, changed.has(file) ? "modified" : (KINDS[kind] ?? "modified"));
  }
  const tracked = listed(await ask(top, "ls-files", "--cached", "-z"));
  return {
    top,
    prefix,
    base,
    changed: [...changed].map(([file, change]) => ({ file, change })).toSorted((a, b) => (a.file < b.file ? -1 : 1)),
    files: [...new Set([...tracked, ...changed.keys()])],
    before: (file) => ask(top, "show", `${base}:${file}`).catch(() => undefined),
  };
}

/** Where a repository forgets to ignore what is made of other files, running its tests would count as a change. */
function isSource(file: string): boolean {
  return !file.split("/").some((name) => MADE.has(name));
}

function listed(text: string): string[] {
  return text.split("\0").filter((part) => part !== "");
}

/** What git says; why not, where it does not. */
async function askGit(cwd: string, given: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const end = await git(given, { cwd, env }).catch((error: unknown) => {
    if (errorCode(error) !== "dependency_missing") throw error;
    throw assayError("changes_unknown", "there is no git on the PATH");
  });
  if (end.exitCode === 0) return end.stdout.toString();
  const said = end.stderr.trim().split("\n")[0] || "it failed";
  throw assayError("changes_unknown", `git cannot say what changed in ${cwd}: ${said}`);
}
