import { glob, realpath, stat } from "node:fs/promises";
import { extname, isAbsolute, join, relative, sep } from "node:path";
import { errorMessage } from "../base/index.ts";
import type { ExecutionContext } from "./executor.ts";

/** A result holds at most 1,000 artifacts; the two output files are also among them. */
const MAX_KEPT_FILES = 900;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".csv": "text/csv",
  ".gif": "image/gif",
  ".html": "text/html",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".log": "text/plain",
  ".md": "text/markdown",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".xml": "application/xml",
};

/** A file that was asked for and could not be kept. */
export interface MissingArtifact {
  name: string;
  reason: string;
}

/** A file that is to be kept. */
export interface KeptFile {
  folder: string;
  /** Where it is in there. */
  name: string;
  /** What it holds is output. */
  isLog?: boolean;
  /** The name under which it is kept; default: its own. */
  as?: string;
  contentType?: string;
}

/** The first pattern that names something outside the working folder. */
export function escapingPattern(patterns: readonly string[]): string | undefined {
  return patterns.find((pattern) => isAbsolute(pattern) || pattern.split(/[/\\]/).includes(".."));
}

/** Stores the files below `folder` that match; tells which could not be stored, and why. */
export async function keepFiles(
  folder: string,
  patterns: readonly string[],
  context: ExecutionContext,
): Promise<MissingArtifact[]> {
  const missing: MissingArtifact[] = [];
  const names = await matchingFiles(folder, patterns);
  for (const name of names.slice(0, MAX_KEPT_FILES)) {
    const reason = await keepFile({ folder, name }, context);
    if (reason !== undefined) missing.push({ name, reason });
  }
  const left = names.length - MAX_KEPT_FILES;
  if (left > 0) missing.push({ name: `${left} more files`, reason: `a result keeps at most ${MAX_KEPT_FILES}` });
  return missing;
}

/** Stores one file under a name of its own; gives the reason when it cannot be stored. */
export async function keepFile(
  { folder, name, isLog = false, as = name, contentType = typeOf(name) }: KeptFile,
  context: ExecutionContext,
): Promise<string | undefined> {
  try {
    const path = await realpath(join(folder, name));
    // A link planted by the command must not carry the worker's own files out.
    if (!path.startsWith((await realpath(folder)) + sep)) return "it is a link that leads out of the working folder";
    if (!(await stat(path)).isFile()) return "it is not a plain file";
    await context.saveArtifact({ name: as, contentType, isLog, path });
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

function typeOf(name: string): string {
  return CONTENT_TYPES[extname(name).toLowerCase()] ?? "application/octet-stream";
}

async function matchingFiles(folder: string, patterns: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for await (const entry of glob(patterns, { cwd: folder, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    names.add(relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"));
  }
  return [...names].toSorted();
}
