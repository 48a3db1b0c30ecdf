// What the checks share: the source files of a tree, parsed, and how a finding is printed.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { type Node, parseSync, type Program, visitorKeys } from "oxc-parser";

/** One violation; `line` counts from 1. */
export interface Finding {
  path: string;
  line: number;
  message: string;
}

/** A parsed file; `path` is relative to the root and has forward slashes on every system. */
export interface SourceFile {
  path: string;
  text: string;
  program: Program;
  /** The line, from 1, of a character offset. */
  lineOf: (offset: number) => number;
}

/** Paths below `folders` that match `pattern`, sorted; fixtures and installed packages are nobody's source. */
export function listFiles(root: string, folders: readonly string[], pattern: string): string[] {
  const paths = globSync(
    folders.map((folder) => `${folder}/${pattern}`),
    { cwd: root, exclude: (path) => /(^|[\\/])(node_modules|dist|fixtures)$/.test(path) },
  );
  return paths.map((path) => path.replaceAll("\\", "/")).toSorted();
}

/** Parses one file. A syntax error is thrown: the type gate reports it in full. */
export function parseSource(root: string, path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const { program, errors } = parseSync(path, text);
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  return { path, text, program, lineOf: lineCounter(text) };
}

/** Calls `visit` for every node, parents before children, with its ancestors from the root down. */
export function walk(program: Program, visit: (node: Node, ancestors: readonly Node[]) => void): void {
  const ancestors: Node[] = [];
  const enter = (node: Node): void => {
    visit(node, ancestors);
    ancestors.push(node);
    for (const key of visitorKeys[node.type] ?? []) {
      // The keys come from the parser's own table, which TypeScript cannot tie to the node's type.
      const child: unknown = Reflect.get(node, key);
      for (const item of Array.isArray(child) ? child : [child]) if (isNode(item)) enter(item);
    }
    ancestors.pop();
  };
  enter(program);
}

/** True for tests and for the acceptance suites that a port ships to its adapters. */
export function isTestFile(path: string): boolean {
  return /(\.test|(^|[./-])acceptance)\.tsx?$/.test(path);
}

/** Prints findings as `path:line: message` and sets the exit code. */
export function report(findings: readonly Finding[]): void {
  for (const { path, line, message } of findings) console.error(`${path}:${line}: ${message}`);
  if (findings.length > 0) process.exitCode = 1;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const next = starts.findIndex((start) => start > offset);
    return next === -1 ? starts.length : next;
  };
}
