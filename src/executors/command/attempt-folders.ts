import { mkdir, stat } from "node:fs/promises";
import { isAbsolute, join, resolve, sep } from "node:path";
import type { Result } from "../../base/index.ts";
import { err, ok } from "../../base/index.ts";
import type { CommandConfig, Failure } from "../../contracts/index.ts";
import { escapingPattern } from "../kept-files.ts";

/** The folders of one attempt. */
export interface AttemptFolders {
  /** The command's own folder; its path also marks the attempt's processes. */
  files: string;
  /** Where the command runs: `files`, or what the task names. */
  cwd: string;
  /** Where its output is written: outside of `files`, so that no pattern of the task matches it. */
  output: string;
  /** Of the file through which the command tells what it leaves for its next attempt. */
  progress: string;
  /** Where it keeps what does not fit into that file. */
  checkpoint: string;
}

/** Makes the folders; a setup failure when the task asks for ones that cannot be. */
export async function prepareFolders(config: CommandConfig, workDir: string): Promise<Result<AttemptFolders, Failure>> {
  const escaping = escapingPattern(config.artifacts);
  if (escaping !== undefined) {
    return setupFailure("artifact_path", `the artifact pattern "${escaping}" leads out of the working folder`);
  }
  const files = join(workDir, "files");
  const output = join(workDir, "output");
  const cwd = resolve(files, config.cwd ?? ".");
  const own = cwd === files || cwd.startsWith(files + sep);
  if (!own && !isAbsolute(config.cwd ?? ""))
    return setupFailure("cwd", `cwd "${config.cwd}" leads out of the attempt's folder`);
  if (!own && !(await isFolder(cwd))) return setupFailure("cwd", `cwd "${cwd}" is not a folder on this worker`);
  await Promise.all([mkdir(own ? cwd : files, { recursive: true }), mkdir(output, { recursive: true })]);
  return ok({ files, cwd, output, progress: join(workDir, "progress"), checkpoint: join(workDir, "checkpoint") });
}

function setupFailure(reason: string, message: string): Result<never, Failure> {
  return err({ class: "setup", reason, message });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
