import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { folderOf, nameOf, within } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";
import { jsonSettings, textsIn } from "./json-settings.ts";
import type { PythonModules } from "./python-modules.ts";

/** Files that change how all that lies in their folder, and below, is built, found or run. */
const SETTINGS = new RegExp(
  `^(${[
    ...[String.raw`\.?pytest\.ini`, String.raw`pyproject\.toml`, String.raw`tox\.ini`, String.raw`setup\.(cfg|py)`],
    ...[String.raw`requirements.*\.(txt|in)`, String.raw`Pipfile(\.lock)?`, String.raw`(poetry|uv|pdm)\.lock`],
    ...[String.raw`environment\.ya?ml`, String.raw`\.python-version`, String.raw`\.env(\..+)?`],
    ...[String.raw`package(-lock)?\.json`, String.raw`npm-shrinkwrap\.json`, String.raw`yarn\.lock`],
    ...[String.raw`pnpm-(lock|workspace)\.yaml`, String.raw`bun\.lockb?`, String.raw`\.(npmrc|nvmrc|yarnrc(\.yml)?)`],
    ...[String.raw`[jt]sconfig(\..+)?\.json`, String.raw`(vitest|vite|jest|babel|playwright)\.config\..+`],
    ...[String.raw`vitest\.workspace\..+`, String.raw`\.(babelrc|mocharc|swcrc)(\..+)?`, String.raw`assay\.yaml`],
  ].join("|")})$`,
);

export function isSettings(file: string): boolean {
  return SETTINGS.test(nameOf(file));
}

/** What nobody's outcome depends on, unless a source names it. */
export function isDocument(file: string): boolean {
  return /\.(md|markdown|rst|adoc)$|^(LICEN[CS]E|COPYING|NOTICE|AUTHORS|CODEOWNERS)(\.txt)?$/i.test(nameOf(file));
}

/** What settings say of the sources. */
export interface SettingsFacts {
  /** Files that they load before each test. */
  loads: string[];
  /** They say where Python looks for modules. */
  anyRoot: boolean;
}

/** Which files are loaded because settings name them. Settings that are programs are read as such, and say nothing here. */
export async function settingsFacts(
  top: string,
  file: string,
  { tree, python }: { tree: FileTree; python: PythonModules },
): Promise<SettingsFacts> {
  const name = nameOf(file);
  const text = await readFile(join(top, file), "utf8").catch(() => "");
  if (/\.(ini|toml|cfg)$/.test(name)) {
    const modules = [...text.matchAll(/-p[\s=]*["']?([\w.]+)|DJANGO_SETTINGS_MODULE["'\s]*=["'\s]*([\w.]+)/g)];
    const plugins = /pytest11"?'?\][^[]*/.exec(text)?.[0].matchAll(/=\s*["']([\w.]+)/g) ?? [];
    const names = [...modules, ...plugins].map(([, first, second]) => first ?? second ?? "");
    const loads = names.flatMap((module) => python.of(file, { ...NOTHING, module }));
    return { loads, anyRoot: /pythonpath/i.test(text) };
  }
  const named = name === "package.json" ? toolTexts(await jsonSettings(text)) : ofRunner(name, text);
  const paths = named.map((one) => within(folderOf(file), one.replace("<rootDir>/", "")) ?? "");
  return { loads: paths.filter((path) => tree.has(path)), anyRoot: false };
}

const NOTHING = { names: [], level: 0, line: 1, text: "", within: [] };

/** Of package.json only what frameworks keep there: where a package is entered is no matter of every test. */
function toolTexts(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, own]) => (["jest", "mocha", "ava"].includes(key) ? textsIn(own) : []));
}

function ofRunner(name: string, text: string): string[] {
  return /^(\.mocharc|jest\.config)\./.test(name) ? [...text.matchAll(/[\w@.~/<>-]+/g)].map(([word]) => word) : [];
}
