import { lstat, readFile, realpath } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { errorCode } from "../../base/index.ts";
import type { ProjectFiles } from "../../frameworks/index.ts";
import { movedLine } from "./unified-diff.ts";

/** A file as it is and as it is to be; the path is relative to the project, with `/`. */
export interface FileChange {
  path: string;
  /** Null: it is not there. */
  before: Buffer | null;
  after: Buffer;
}

/** Files of a project with changes that are not on the disk. `root` is a real path. */
export class PendingFiles implements ProjectFiles {
  readonly root: string;
  /** As they were when they were read first. */
  private readonly seen = new Map<string, Buffer | null>();
  private readonly written = new Map<string, { before: Buffer | null; after: Buffer }>();

  constructor(root: string) {
    this.root = root;
  }

  async read(path: string): Promise<Buffer | null> {
    const before = this.written.get(path)?.after ?? (await contentOf(path));
    if (!this.seen.has(path)) this.seen.set(path, before);
    return before;
  }

  async objection(path: string): Promise<string | null> {
    const found = await lstat(path).catch(() => null);
    if (found !== null && !found.isFile()) return found.isSymbolicLink() ? "it is a link" : "it is not a file";
    const folder = await realpath(dirname(path)).catch(() => "");
    return folder === this.root || folder.startsWith(this.root + sep) ? null : "it is outside the project";
  }

  write(path: string, content: Buffer): void {
    this.written.set(path, { before: this.seen.get(path) ?? null, after: content });
  }

  /** Where a line of a file on the disk is going to stand. */
  lineOf(path: string, line: number): number {
    const change = this.written.get(path);
    return change === undefined ? line : movedLine(change, line);
  }

  changes(): FileChange[] {
    return [...this.written]
      .map(([path, { before, after }]) => ({ path: relative(this.root, path).split(sep).join("/"), before, after }))
      .filter(({ before, after }) => before === null || !before.equals(after))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** Null where there is no such file. */
export async function contentOf(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR", "EACCES"].includes(errorCode(error) ?? "")) return null;
    throw error;
  }
}
