import { matchesGlob } from "node:path";
import { languageOf } from "../sources/source-reader.ts";
import type { SourceFacts } from "../sources/source-facts.ts";
import { folderOf, nameOf, within } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";

export interface NamedFile {
  file: string;
  line: number;
  /** Only a folder somewhere around it is named. */
  isFolder: boolean;
}

/**
 * The files that texts in a source name: sources by their name or the end of their path; of other files those that changed also by a
 * pattern, an ending or a folder around them. `settings` name folders and patterns for reasons of their own, and say nothing by them.
 */
export class NamedFiles {
  private readonly tree: FileTree;
  private readonly data: readonly string[];

  constructor(tree: FileTree, changed: readonly string[]) {
    this.tree = tree;
    this.data = changed.filter((file) => languageOf(file) === undefined);
  }

  in(source: string, { strings }: SourceFacts, isSettings: boolean): NamedFile[] {
    return strings.flatMap(({ value, line }) => {
      const beside = /^\.{1,2}\//.test(value) ? within(folderOf(source), value) : undefined;
      if (beside !== undefined && this.tree.has(beside)) return [{ file: beside, line, isFolder: false }];
      const path = value
        .replaceAll("\\", "/")
        .replace(/^(\.{0,2}\/)+/, "")
        .replace(/\/+$/, "");
      const name = nameOf(path);
      if (name === "") return [];
      const exact = name.includes(".") ? this.tree.endingWith(path) : [];
      const meant = isSettings ? [] : this.data.filter((file) => isMeant(file, name));
      const around = isSettings ? [] : this.data.filter((file) => `/${folderOf(file)}/`.includes(`/${path}/`));
      return [
        ...[...exact, ...meant].map((file) => ({ file, line, isFolder: false })),
        ...around.map((file) => ({ file, line, isFolder: true })),
      ];
    });
  }
}

/** By its name, its ending, a pattern, or the folder in which it lies. */
function isMeant(file: string, name: string): boolean {
  const own = nameOf(file);
  if (own === name || nameOf(folderOf(file)) === name) return true;
  if (/^\.\w+$/.test(name)) return own.endsWith(name);
  return /[*?[{]/.test(name) && name !== "*" && name !== "**" && matchesGlob(own, name);
}
