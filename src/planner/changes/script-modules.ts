import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ImportFact } from "../sources/source-facts.ts";
import type { Changes } from "./changed-files.ts";
import { folderOf, foldersOf, nameOf, within } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";
import { jsonSettings, textsIn } from "./json-settings.ts";

const ENDINGS = ["ts", "tsx", "mts", "cts", "d.ts", "js", "jsx", "mjs", "cjs", "json", "vue", "svelte"];
const SOURCE = /\.([cm]?[jt]sx?|vue|svelte)$/;

const manifest = z.object({
  name: z.string().optional(),
  main: z.unknown().optional(),
  module: z.unknown().optional(),
  browser: z.unknown().optional(),
  exports: z.unknown().optional(),
  imports: z.record(z.string(), z.unknown()).optional(),
});

const compiler = z.object({
  compilerOptions: z
    .object({ baseUrl: z.string().optional(), paths: z.record(z.string(), z.array(z.string())).optional() })
    .optional(),
});

interface Package {
  folder: string;
  name: string | undefined;
  /** Where it may be entered, as it says. */
  entries: string[];
  imports: Record<string, unknown>;
}

/** An alias for paths: `@/*` for `src/*`. */
interface Alias {
  pattern: string;
  targets: string[];
}

/**
 * Which files the names of JavaScript's modules mean. Every file that a name may mean counts, with the manifest of the package that it is
 * found by. What is installed means none: it changes with a lock file only.
 */
export class ScriptModules {
  private readonly tree: FileTree;
  private readonly packages: readonly Package[];
  private readonly aliases: ReadonlyMap<string, readonly Alias[]>;

  private constructor(tree: FileTree, packages: readonly Package[], aliases: ReadonlyMap<string, readonly Alias[]>) {
    this.tree = tree;
    this.packages = packages;
    this.aliases = aliases;
  }

  /** Reads the settings by which names are looked up, as they are and as they were. */
  static async of(tree: FileTree, { top, changed, before }: Changes): Promise<ScriptModules> {
    const read = (file: string): Promise<string | undefined> =>
      readFile(join(top, file), "utf8").catch(() => undefined);
    const differs = new Set(changed.map(({ file }) => file));
    const packages: Package[] = [];
    for (const file of tree.named("package.json")) {
      packages.push(packageOf(file, await jsonSettings(await read(file))));
      if (differs.has(file)) packages.push(packageOf(file, await jsonSettings(await before(file))));
    }
    const aliases = new Map<string, Alias[]>();
    for (const file of tree.all()) {
      if (!/^[jt]sconfig(\..+)?\.json$/.test(nameOf(file))) continue;
      const found = aliasesOf(file, await jsonSettings(await read(file)));
      aliases.set(folderOf(file), [...(aliases.get(folderOf(file)) ?? []), ...found]);
    }
    return new ScriptModules(tree, packages, aliases);
  }

  /** The files that an import may load. */
  named(file: string, { module, isPrefix }: Pick<ImportFact, "module" | "isPrefix">): string[] {
    const name = module.replace(/(?<=.)[?#].+$/, "");
    if (isPrefix === true) return this.beginningWith(within(folderOf(file), name));
    if (name.startsWith(".")) return this.at(within(folderOf(file), name));
    if (name.startsWith("/")) return this.tree.endingWith(name.slice(1));
    if (name.startsWith("#")) return this.inner(file, name);
    const inPackage = this.packages.flatMap((one) => this.inside(one, name));
    const aliased = this.aliased(file, name);
    const found = [...inPackage, ...aliased, ...this.standIns(name)];
    // `@/pages/home`, and whatever else a bundler was told.
    return found.length > 0 ? found : this.guessed(name);
  }

  /** A module at a path: the file itself, one with an ending, the index of a folder, and the stand-in beside it. */
  at(path: string | undefined): string[] {
    if (path === undefined) return [];
    const written = path.replace(/\.([cm]?)jsx?$/, "");
    const stems = [...new Set([path, written])];
    const candidates = stems.flatMap((stem) => [
      stem,
      ...ENDINGS.map((ending) => `${stem}.${ending}`),
      ...ENDINGS.map((ending) => (stem === "" ? `index.${ending}` : `${stem}/index.${ending}`)),
    ]);
    const standIns = candidates.map((one) => [folderOf(one), "__mocks__", nameOf(one)].filter(Boolean).join("/"));
    const own = this.packages.filter(({ folder }) => folder === path);
    const entered = own.flatMap((one) => [`${path}/package.json`, ...this.entries(one)]);
    return [...candidates, ...standIns, ...entered].filter((one) => this.tree.has(one));
  }

  private beginningWith(path: string | undefined): string[] {
    return path === undefined ? [] : [...this.tree.all()].filter((file) => file.startsWith(path));
  }

  /** Names of a package's own: `#db` in its `imports`. */
  private inner(file: string, name: string): string[] {
    const folder = foldersOf(file).find((around) => this.packages.some((one) => one.folder === around));
    const own = this.packages.filter((one) => one.folder === folder);
    return own.flatMap(({ imports }) =>
      Object.entries(imports).flatMap(([pattern, targets]) =>
        matched({ pattern, targets: textsIn(targets) }, name).flatMap((to) => this.at(within(folder ?? "", to))),
      ),
    );
  }

  private inside(own: Package, name: string): string[] {
    if (own.name === undefined || (name !== own.name && !name.startsWith(`${own.name}/`))) return [];
    const rest = name.slice(own.name.length + 1);
    const direct = rest === "" ? [] : this.at(within(own.folder, rest));
    return [[own.folder, "package.json"].filter(Boolean).join("/"), ...direct, ...this.entries(own)];
  }

  /** Where a package is entered; all of its sources, when what it names is made only later. */
  private entries(own: Package): string[] {
    const paths = own.entries.map((entry) => within(own.folder, entry) ?? "");
    const found = paths.flatMap((path) => this.at(path));
    const isWhole = paths.length > 0 && !own.entries.some((entry) => entry.includes("*"));
    if (isWhole && paths.every((path) => this.at(path).length > 0)) return found;
    const index = this.at([own.folder, "index"].filter(Boolean).join("/"));
    if (own.entries.length === 0 && index.length > 0) return index;
    return this.beginningWith(own.folder === "" ? "" : `${own.folder}/`).filter((file) => SOURCE.test(file));
  }

  private aliased(file: string, name: string): string[] {
    return foldersOf(file)
      .flatMap((folder) => this.aliases.get(folder) ?? [])
      .flatMap((alias) => matched(alias, name))
      .flatMap((path) => this.at(path));
  }

  private standIns(name: string): string[] {
    return this.at(name).length > 0
      ? []
      : ENDINGS.flatMap((ending) => this.tree.endingWith(`__mocks__/${name}.${ending}`));
  }

  private guessed(name: string): string[] {
    if (!/^[@~$]/.test(name) && name.includes("/")) return this.byEnding(name);
    const [, ...rest] = name.split("/");
    return rest.length === 0 ? [] : [...this.byEnding(rest.join("/")), ...this.byEnding(name.replace(/^[@~$]/, ""))];
  }

  private byEnding(path: string): string[] {
    const paths = [path, ...ENDINGS.flatMap((ending) => [`${path}.${ending}`, `${path}/index.${ending}`])];
    return paths.flatMap((one) => this.tree.endingWith(one));
  }
}

function packageOf(file: string, value: unknown): Package {
  const { name, main, module, browser, exports, imports = {} } = manifest.safeParse(value).data ?? {};
  return { folder: folderOf(file), name, entries: textsIn([main, module, browser, exports]), imports };
}

function aliasesOf(file: string, value: unknown): Alias[] {
  const { baseUrl, paths = {} } = compiler.safeParse(value).data?.compilerOptions ?? {};
  const base = within(folderOf(file), baseUrl ?? ".") ?? "";
  const aliases = Object.entries(paths).map(([pattern, targets]) => ({
    pattern,
    targets: targets.flatMap((target) => within(base, target) ?? []),
  }));
  const bare = baseUrl === undefined ? [] : [{ pattern: "*", targets: [within(base, "*") ?? ""] }];
  return [...aliases, ...bare];
}

/** What a name with at most one star stands for. */
function matched({ pattern, targets }: Alias, name: string): string[] {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return name === pattern ? targets : [];
  if (name.length < before.length + after.length || !name.startsWith(before) || !name.endsWith(after)) return [];
  const middle = name.slice(before.length, name.length - after.length);
  return targets.map((target) => target.replaceAll("*", middle));
}
