import { cp, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import type { FileChange } from "../planner/index.ts";

/** What tests read and adoption never changes: large, so copies point to it. */
const LINKED = new Set(["node_modules", ".venv", "venv", ".tox", ".nox", ".git"]);
const LEFT_OUT = new Set([".assay"]);

/** Copies of a project in a temporary folder, always at the same path, so that tests which print it are the same. */
export class ProjectCopy implements AsyncDisposable {
  /** Holds the copy, and whatever else is to go with it. */
  readonly base: string;
  readonly folder: string;
  private readonly source: string;

  private constructor(source: string, base: string) {
    this.source = source;
    this.base = base;
    this.folder = join(base, basename(source));
  }

  static async open(source: string): Promise<ProjectCopy> {
    return new ProjectCopy(source, await mkdtemp(join(tmpdir(), "assay-adopt-")));
  }

  /** Copies the project anew, with these changes. */
  async renew(changes: readonly Pick<FileChange, "path" | "after">[]): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    const links: string[] = [];
    const filter = async (path: string): Promise<boolean> => {
      const name = basename(path);
      if (path === this.source) return true;
      if (LINKED.has(name)) links.push(path);
      if (LINKED.has(name) || LEFT_OUT.has(name)) return false;
      const found = await lstat(path);
      return found.isFile() || found.isDirectory() || found.isSymbolicLink();
    };
    await cp(this.source, this.folder, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, filter });
    for (const path of links) await symlink(path, join(this.folder, relative(this.source, path)));
    for (const { path, after } of changes) {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeFile(join(this.folder, path), after);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.base, { recursive: true, force: true });
  }
}
