import { dirname } from "node:path/posix";

/** The files of a repository by what they are looked for: their paths, names and folders. */
export class FileTree {
  private readonly files: ReadonlySet<string>;
  private readonly byName: ReadonlyMap<string, readonly string[]>;

  constructor(files: readonly string[]) {
    this.files = new Set(files);
    this.byName = Map.groupBy(files, nameOf);
  }

  has(file: string): boolean {
    return this.files.has(file);
  }

  all(): Iterable<string> {
    return this.files;
  }

  named(name: string): readonly string[] {
    return this.byName.get(name) ?? [];
  }

  /** Those whose path ends with the given one, as a whole. */
  endingWith(path: string): string[] {
    return this.named(nameOf(path)).filter((file) => file === path || file.endsWith(`/${path}`));
  }
}

export function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** The folder of a file, the folder around that, and so on; that of the repository is empty. */
export function foldersOf(file: string): string[] {
  const folders: string[] = [];
  for (let folder = folderOf(file); ; folder = folderOf(folder)) {
    folders.push(folder);
    if (folder === "") return folders;
  }
}

export function folderOf(file: string): string {
  const folder = dirname(file);
  return folder === "." ? "" : folder;
}

/** A path in a folder, without `.` and `..`; undefined when it leads out of the repository. */
export function within(folder: string, path: string): string | undefined {
  const parts = folder.split("/").filter((part) => part !== "");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
