import { languageOf } from "../sources/source-reader.ts";
import type { SourceReader } from "../sources/source-reader.ts";
import type { SourceFacts } from "../sources/source-facts.ts";
import type { Changes } from "./changed-files.ts";
import { FileTree, folderOf, foldersOf, nameOf } from "./file-tree.ts";
import { NamedFiles } from "./named-files.ts";
import { PythonModules } from "./python-modules.ts";
import { ScriptModules } from "./script-modules.ts";
import { isDocument, isSettings, settingsFacts } from "./settings-files.ts";

/** Why one file depends on another. */
export interface Link {
  to: string;
  /** Of the import or the text, counted from 1; null where nothing in the file says it. */
  line: number | null;
  how:
    | "imports"
    | "names"
    | "settings"
    | "conftest"
    | "package"
    | "beside"
    | "names a folder"
    | "lists a folder"
    | "loads by name"
    | "cannot be read";
}

/** Links that say only that a file may depend on another: they choose tests, and do not explain what a file is for. */
export function isGuess({ how }: Link): boolean {
  return GUESSES.has(how);
}

const GUESSES: ReadonlySet<Link["how"]> = new Set([
  "names a folder",
  "lists a folder",
  "loads by name",
  "cannot be read",
]);

/** What is written in other languages, and may load anything. */
const UNREAD = /\.(vue|svelte|astro|mdx|pyx|coffee|civet)$/;

/** What the files of a repository depend on, as far as their text tells, and in doubt more. */
export class ImportGraph {
  private readonly changes: Changes;
  private readonly tree: FileTree;
  private readonly reader: SourceReader;
  private readonly python: PythonModules;
  private readonly script: ScriptModules;
  private readonly named: NamedFiles;
  private readonly changed: readonly string[];

  private constructor(
    changes: Changes,
    reader: SourceReader,
    parts: { tree: FileTree; python: PythonModules; script: ScriptModules },
  ) {
    this.changes = changes;
    this.reader = reader;
    this.tree = parts.tree;
    this.python = parts.python;
    this.script = parts.script;
    this.changed = changes.changed.map(({ file }) => file);
    this.named = new NamedFiles(this.tree, this.changed);
  }

  /** `folders`: where frameworks run, relative to the top. */
  static async of(changes: Changes, reader: SourceReader, folders: readonly string[]): Promise<ImportGraph> {
    const tree = new FileTree(changes.files);
    const script = await ScriptModules.of(tree, changes);
    const turned = changes.changed.flatMap(({ file, change }) =>
      nameOf(file) === "__init__.py" && change !== "modified" ? [folderOf(file)] : [],
    );
    return new ImportGraph(changes, reader, { tree, python: new PythonModules(tree, [...folders, ...turned]), script });
  }

  /** All that the given test files depend on, each file with its links. */
  async reachedFrom(tests: readonly string[]): Promise<Map<string, readonly Link[]>> {
    for (;;) {
      const { anyRoot } = this.python;
      const reached = await this.walk(new Set(tests));
      // Something changes where modules are looked for: what was found until then may lack some.
      if (this.python.anyRoot === anyRoot) return reached;
    }
  }

  private async walk(tests: ReadonlySet<string>): Promise<Map<string, readonly Link[]>> {
    const reached = new Map<string, readonly Link[]>();
    let open: readonly string[] = [...tests];
    while (open.length > 0) {
      const facts = await this.reader.read(open.filter((file) => languageOf(file) !== undefined));
      for (const file of open) {
        const links = await this.linksOf(file, facts.get(file));
        if (tests.has(file)) links.push(...this.aroundTest(file));
        reached.set(
          file,
          links.filter(({ to }) => to !== file),
        );
      }
      const next = open.flatMap((file) => (reached.get(file) ?? []).map(({ to }) => to));
      open = [...new Set(next)].filter((file) => !reached.has(file));
    }
    return reached;
  }

  private async linksOf(file: string, facts: SourceFacts | undefined): Promise<Link[]> {
    if (facts === undefined) {
      if (UNREAD.test(file)) return this.anything("cannot be read", null);
      return isSettings(file) ? this.ofSettings(file) : [];
    }
    if (facts.anyRoot) this.python.anyRoot = true;
    const own = languageOf(file) === "python" ? this.ofPython(file, facts) : this.ofScript(file, facts);
    const names = this.named
      .in(file, facts, isSettings(file))
      .map(({ file: to, line, isFolder }): Link => ({ to, line, how: isFolder ? "names a folder" : "names" }));
    return [...own, ...names, ...this.around(file), ...this.ofDoubt(facts)];
  }

  private ofPython(file: string, { imports, strings }: SourceFacts): Link[] {
    const parts = foldersOf(file)
      .map((folder) => (folder === "" ? "__init__.py" : `${folder}/__init__.py`))
      .filter((one) => this.tree.has(one));
    return [
      ...imports.flatMap((one) =>
        this.python.of(file, one).map((to): Link => ({ to, line: one.line, how: "imports" })),
      ),
      ...strings.flatMap(({ value, line }) => this.python.named(value).map((to): Link => ({ to, line, how: "names" }))),
      ...parts.map((to): Link => ({ to, line: null, how: "package" })),
    ];
  }

  private ofScript(file: string, { imports, strings }: SourceFacts): Link[] {
    const named = strings.filter(({ value }) => /^\.{1,2}\//.test(value));
    return [
      ...imports.flatMap((one) =>
        this.script.named(file, one).map((to): Link => ({ to, line: one.line, how: "imports" })),
      ),
      // Stand-ins, threads and programs that are started are named as modules are.
      ...named.flatMap(({ value, line }) =>
        this.script.named(file, { module: value }).map((to): Link => ({ to, line, how: "names" })),
      ),
    ];
  }

  private async ofSettings(file: string): Promise<Link[]> {
    const { loads, anyRoot } = await settingsFacts(this.changes.top, file, { tree: this.tree, python: this.python });
    if (anyRoot) this.python.anyRoot = true;
    return loads.map((to) => ({ to, line: null, how: "settings" }));
  }

  /** What holds for all files of a folder: settings, and files that are kept beside a source for it. */
  private around(file: string): Link[] {
    const folders = foldersOf(file);
    const settings = folders.flatMap((folder) => this.settingsIn(folder));
    const stem = file.replace(/\.[^./]+$/, "");
    const snapshot = [folderOf(file), "__snapshots__", `${nameOf(file)}.snap`].filter(Boolean).join("/");
    const beside = this.changed.filter(
      (one) => one === snapshot || one.startsWith(`${file}-snapshots/`) || one.startsWith(`${stem}/`),
    );
    return [
      ...settings.map((to): Link => ({ to, line: null, how: "settings" })),
      ...beside.map((to): Link => ({ to, line: null, how: "beside" })),
    ];
  }

  private readonly settings = new Map<string, string[]>();

  private settingsIn(folder: string): string[] {
    if (this.settings.size === 0) {
      this.settings.set("", []);
      for (const file of this.tree.all()) {
        if (isSettings(file)) this.settings.set(folderOf(file), [...(this.settings.get(folderOf(file)) ?? []), file]);
      }
    }
    return this.settings.get(folder) ?? [];
  }

  private aroundTest(file: string): Link[] {
    return foldersOf(file)
      .map((folder) => (folder === "" ? "conftest.py" : `${folder}/conftest.py`))
      .filter((one) => this.tree.has(one))
      .map((to) => ({ to, line: null, how: "conftest" }));
  }

  private ofDoubt({ problem, opaque: [opaque], lists }: SourceFacts): Link[] {
    if (problem !== undefined) return this.anything("cannot be read", problem.line);
    if (opaque !== undefined) return this.anything("loads by name", opaque.line);
    if (lists === null) return [];
    return this.anything("lists a folder", lists).filter(({ to }) => languageOf(to) === undefined && !isSettings(to));
  }

  private anything(how: Link["how"], line: number | null): Link[] {
    return this.changed.filter((to) => !isDocument(to)).map((to) => ({ to, line, how }));
  }
}
