import type { ImportFact } from "../sources/source-facts.ts";
import { folderOf, within } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";

/**
 * Which files the names of Python's modules mean. Where modules are looked for is known only when Python runs, so every folder that is
 * no package may be such a place: src-layouts, several packages, folders of tests and namespace packages need no settings. A name that
 * several files have means all of them.
 */
export class PythonModules {
  /** Also folders that are packages count as such places: something changes the path. */
  anyRoot = false;
  private readonly tree: FileTree;
  private readonly roots: ReadonlySet<string>;
  private readonly names = new Map<string, { file: string; isSure: boolean }[]>();
  private readonly children = new Map<string, Set<string>>();

  /** `folders`: those in which Python surely looks, too, and those that were packages, or become ones. */
  constructor(tree: FileTree, folders: readonly string[]) {
    this.tree = tree;
    this.roots = new Set(["", ...folders]);
    for (const file of tree.all()) if (/\.pyi?$/.test(file)) this.add(file);
  }

  private add(file: string): void {
    const parts = moduleParts(file);
    for (let start = 0; start < parts.length; start += 1) {
      const name = parts.slice(start).join(".");
      const folder = parts.slice(0, start).join("/");
      const isSure = this.roots.has(folder) || !this.tree.has(`${folder}/__init__.py`);
      const known = this.names.get(name);
      if (known === undefined) this.names.set(name, [{ file, isSure }]);
      else known.push({ file, isSure });
      const parent = parts.slice(start, -1).join(".");
      this.children.set(parent, (this.children.get(parent) ?? new Set()).add(name));
    }
  }

  /** The files that an import runs: the module, the packages around it, and modules that are taken from it. */
  of(file: string, { module, names, level }: ImportFact): string[] {
    if (level > 0) return this.relative(upwards(folderOf(file), level - 1), module, names);
    const absolute = [...this.prefixes(module), ...names.flatMap((name) => this.taken(module, name))];
    // The folder of a program is such a place, too.
    return [...absolute, ...this.relative(folderOf(file), module, names)];
  }

  /** The longest part of a dotted text that is a module: `patch("pkg.mod.function")`. */
  named(text: string): string[] {
    if (!/^[A-Za-z_]\w*(\.\w+)+$/.test(text)) return [];
    return this.prefixes(text);
  }

  private prefixes(module: string): string[] {
    const parts = module.split(".");
    return parts.flatMap((_, index) => this.files(parts.slice(0, index + 1).join(".")));
  }

  private taken(module: string, name: string): string[] {
    if (name === "**") {
      return [...this.names.keys()].filter((one) => one.startsWith(`${module}.`)).flatMap((one) => this.files(one));
    }
    if (name !== "*") return this.files(`${module}.${name}`);
    return [...(this.children.get(module) ?? [])].flatMap((child) => this.files(child));
  }

  private files(name: string): string[] {
    return (this.names.get(name) ?? []).filter(({ isSure }) => isSure || this.anyRoot).map(({ file }) => file);
  }

  private relative(folder: string | undefined, module: string, names: readonly string[]): string[] {
    if (folder === undefined) return [];
    const parts = module === "" ? [] : module.split(".");
    const base = [folder, ...parts].filter((part) => part !== "").join("/");
    const paths = parts.map((_, index) =>
      [folder, ...parts.slice(0, index + 1)].filter((part) => part !== "").join("/"),
    );
    const inner = names.flatMap((name) =>
      name.startsWith("*") ? this.inside(base, name === "**") : [within(base, name) ?? ""],
    );
    const all = module === "" ? [folder, ...inner] : [...paths, ...inner];
    return all
      .flatMap((path) => [`${path}.py`, `${path}.pyi`, `${path}/__init__.py`])
      .filter((one) => this.tree.has(one));
  }

  private inside(folder: string, isDeep: boolean): string[] {
    const start = folder === "" ? "" : `${folder}/`;
    return [...this.tree.all()]
      .filter((file) => (isDeep ? file.startsWith(start) : folderOf(file) === folder))
      .map((file) => file.replace(/(\/__init__)?\.pyi?$/, ""));
  }
}

function moduleParts(file: string): string[] {
  return file
    .replace(/\.pyi?$/, "")
    .replace(/\/__init__$/, "")
    .split("/");
}

function upwards(folder: string, steps: number): string | undefined {
  return within(folder, Array.from({ length: steps }, () => "..").join("/"));
}
