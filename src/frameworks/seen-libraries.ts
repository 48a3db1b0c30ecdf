import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { Node } from "oxc-parser";
import { errorCode } from "../base/index.ts";
import type { FrameworkName, LibraryState } from "../contracts/index.ts";
import { parsedScript } from "./parsed-script.ts";

/** What a file says of modules: which it loads, and which it puts a stand-in for. */
interface Said {
  loads: readonly string[];
  mocks: readonly string[];
}

/** Calls that put a stand-in for the module of their first argument, by the object that they are of. */
const MOCKS: ReadonlyMap<string, readonly string[]> = new Map([
  ["vi", ["mock", "doMock"]],
  ["vitest", ["mock", "doMock"]],
  ["jest", ["mock", "doMock", "setMock", "unstable_mockModule"]],
  ["mock", ["module"]],
]);
const SUFFIXES = [
  "",
  ".ts",
  ".tsx",
  ".mts",
  ".cts",
  ".js",
  ".jsx",
  ".mjs",
  ".cjs",
  "/index.ts",
  "/index.tsx",
  "/index.js",
];
const SOURCE = /\.[cm]?[jt]sx?$/;

/**
 * Tells of the watched libraries whether the tests of a file see them as they are: by the text of the file and of what it imports in the
 * project. What only runs shows, such as an alias in the settings of a framework, it cannot see.
 */
export class SeenLibraries {
  private readonly folder: string;
  private readonly framework: FrameworkName;
  private readonly watch: ReadonlySet<string>;
  private readonly said = new Map<string, Promise<Said>>();

  constructor(folder: string, framework: FrameworkName, watch: readonly string[]) {
    this.folder = folder;
    this.framework = framework;
    this.watch = new Set(watch);
  }

  async of(file: string): Promise<Record<string, LibraryState>> {
    const libraries: Record<string, LibraryState> = {};
    if (this.watch.size === 0) return libraries;
    const start = join(this.folder, file);
    const mocked = new Set((await this.read(start)).mocks.map((name) => whereFrom(name, start)));
    const open = [start];
    const seen = new Set(open);
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const { loads, mocks } = await this.read(path);
      for (const name of mocks) if (this.watch.has(packageOf(name))) libraries[packageOf(name)] = "mocked";
      for (const name of loads) {
        if (mocked.has(whereFrom(name, path))) continue;
        const next = name.startsWith(".") ? await sourceFile(resolve(dirname(path), name)) : undefined;
        if (next !== undefined && !seen.has(next)) open.push(next);
        if (next !== undefined) seen.add(next);
        const library = packageOf(name);
        if (this.watch.has(library)) libraries[library] ??= await this.stateOf(name, path);
      }
    }
    return libraries;
  }

  private async stateOf(name: string, path: string): Promise<LibraryState> {
    // Jest takes what lies there for a package without being told to.
    const standIn = this.framework === "jest" ? await sourceFile(join(this.folder, "__mocks__", name)) : undefined;
    if (standIn !== undefined) return "mocked";
    try {
      createRequire(path).resolve(name);
      return "real";
    } catch (error) {
      return errorCode(error) === "MODULE_NOT_FOUND" ? "missing" : "real";
    }
  }

  private read(path: string): Promise<Said> {
    const known =
      this.said.get(path) ??
      readFile(path, "utf8").then(
        (text) => said(path, text),
        () => NOTHING,
      );
    this.said.set(path, known);
    return known;
  }
}

const NOTHING: Said = { loads: [], mocks: [] };

/** A module by where its name leads, so that two files may name it each in its own way. */
function whereFrom(name: string, path: string): string {
  return name.startsWith(".") ? resolve(dirname(path), name).replace(SOURCE, "") : packageOf(name);
}

function packageOf(name: string): string {
  return name.split("/", name.startsWith("@") ? 2 : 1).join("/");
}

async function sourceFile(path: string): Promise<string | undefined> {
  const written = SUFFIXES.map((suffix) => path + suffix);
  // TypeScript names what it compiles to.
  const compiled = path.replace(/\.([cm]?)js$/, ".$1ts");
  for (const one of [...written, compiled].filter((candidate) => SOURCE.test(candidate))) {
    const isThere = await access(one).then(
      () => true,
      () => false,
    );
    if (isThere) return one;
  }
  return undefined;
}

async function said(path: string, text: string): Promise<Said> {
  const { program, childrenOf } = await parsedScript(path, text);
  const loads: string[] = [];
  const mocks: string[] = [];
  const enter = (node: Node): void => {
    const loaded = loadedBy(node);
    if (loaded !== undefined) loads.push(loaded);
    const mock = mockedBy(node);
    if (mock !== undefined) mocks.push(mock);
    childrenOf(node).forEach(enter);
  };
  // What a stand-in is made from is an argument of the call, and no import of the test.
  program.body.forEach(enter);
  return { loads: loads.filter((name) => !mocks.includes(name)), mocks };
}

function loadedBy(node: Node): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
      return node.importKind === "type" ? undefined : node.source.value;
    case "ExportAllDeclaration":
      return node.exportKind === "type" ? undefined : node.source.value;
    case "ExportNamedDeclaration":
      return node.exportKind === "type" ? undefined : node.source?.value;
    case "ImportExpression":
      return textOf(node.source);
    case "CallExpression":
      return node.callee.type === "Identifier" && node.callee.name === "require"
        ? textOf(node.arguments[0])
        : undefined;
    default:
      return undefined;
  }
}

function mockedBy(node: Node): string | undefined {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  const { object, property } = node.callee;
  const of = nameOf(object);
  const called = nameOf(property);
  if (of === undefined || called === undefined || MOCKS.get(of)?.includes(called) !== true) return undefined;
  const [first] = node.arguments;
  return first?.type === "ImportExpression" ? textOf(first.source) : textOf(first);
}

/** `vi` of `vi`, `mock` of `t.mock`. */
function nameOf(node: Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  return node.type === "MemberExpression" ? nameOf(node.property) : undefined;
}

function textOf(node: Node | undefined): string | undefined {
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}
