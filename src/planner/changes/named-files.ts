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
 * pattern, an ending or a folder around them. Settings name folders and patterns for reasons of their own, and say nothing by them.
 */
export class NamedFiles {
  private readonly tree: FileTree;
  private readonly data: readonly string[];
  /** Of what changed and is no source, by its name, its ending and the name of its folder. */
  private readonly byName = new Map<string, string[]>();
  /** The same by each part of the way to it. */
  private readonly byFolder = new Map<string, string[]>();

  constructor(tree: FileTree, changed: readonly string[]) {
    this.tree = tree;
    this.data = changed.filter((file) => languageOf(file) === undefined);
    for (const file of this.data) {
      const [name, ending] = [nameOf(file), /\.\w+$/.exec(nameOf(file))?.[0]];
      for (const key of new Set([name, ending ?? name, nameOf(folderOf(file))])) put(this.byName, key, file);
      const folders = folderOf(file).split("/");
      for (const from of folders.keys()) {
        for (let to = from + 1; to <= folders.length; to += 1)
          put(this.byFolder, folders.slice(from, to).join("/"), file);
      }
    }
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
      const meant = isSettings ? [] : [...(this.byName.get(name) ?? []), ...this.matching(name)];
      const around = isSettings ? [] : (this.byFolder.get(path) ?? []);
      return [
        ...[...exact, ...meant].map((file) => ({ file, line, isFolder: false })),
        ...around.map((file) => ({ file, line, isFolder: true })),
      ];
    });
  }

  private matching(name: string): string[] {
    if (!/[*?[{]/.test(name) || name === "*" || name === "**") return [];
    return this.data.filter((file) => matchesGlob(nameOf(file), name));
  }
}

function put(map: Map<string, string[]>, key: string, file: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [file]);
  else known.push(file);
}
