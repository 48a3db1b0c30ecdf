// For the tests of the plain scripts: copies them into a tree of their own and runs them there as real processes.
import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";

import { tempTree } from "./temp-tree.ts";

/** The repository's root. */
export const ROOT = dirname(import.meta.dirname);

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** A temporary tree of `files` together with copies of the repository's `scripts`. */
export function treeWith(scripts: readonly string[], files: Readonly<Record<string, string>>): string {
  const root = tempTree(files);
  for (const path of scripts) cpSync(join(ROOT, path), join(root, path));
  return root;
}

/** Makes Node claim another version, for what happens on a machine with an old one. */
export function pretendNode(version: string): string {
  return `--import=data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
}

/** Runs Node with `args`; `env` is added to this process's own. */
export function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env: { ...process.env, ...env } }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? 1, stdout, stderr });
    });
  });
}
