// Gate: nothing grows past what one reading can hold. `--verbose` also lists functions above the target.
import { dirname } from "node:path";

import type { Class, Function as OxcFunction, ArrowFunctionExpression, Node } from "oxc-parser";

import { type Finding, isTestFile, listFiles, parseSource, report, type SourceFile, walk } from "./source-tree.ts";

const TARGET_FUNCTION_LINES = 40;
const MAX_FUNCTION_LINES = 70;
const MAX_CLASS_LINES = 300;
const MAX_FILE_LINES = 500;
const MAX_TEST_FILE_LINES = 700;
const MAX_PARAMETERS = 3;

const FOLDERS = ["src", "bench", "sim", "scripts", "test"];

/** Files that may be longer than the limit, with the reason in one line. An entry that is not needed is an error. */
const LONG_FILES: Record<string, string> = {};

/** Calls whose callback only groups or holds tests; its length says nothing. */
const TEST_CALLS = ["describe", "it", "test", "suite", "bench"];

export interface SizeReport {
  findings: Finding[];
  /** Functions above the target but within the limit. */
  warnings: Finding[];
}

/** Measures every file in the tree at `root`. */
export function checkSize(root: string, longFiles: Readonly<Record<string, string>> = LONG_FILES): SizeReport {
  const sources = listFiles(root, FOLDERS, "**/*.{ts,tsx,mts,js,mjs}").map((path) => parseSource(root, path));
  const measured = sources.map(measureFile);
  return {
    findings: [
      ...sources.flatMap((source) => fileFinding(source, longFiles)),
      ...Object.keys(longFiles).flatMap((path) => needlessException(path, sources)),
      ...measured.flatMap(({ findings }) => findings),
    ],
    warnings: measured.flatMap(({ warnings }) => warnings),
  };
}

function fileFinding(source: SourceFile, longFiles: Readonly<Record<string, string>>): Finding[] {
  if (!isTooLong(source) || Object.hasOwn(longFiles, source.path)) return [];
  return [{ path: source.path, line: 1, message: `${lineCount(source)} lines; a file may have ${fileLimit(source)}` }];
}

function needlessException(path: string, sources: readonly SourceFile[]): Finding[] {
  const source = sources.find((candidate) => candidate.path === path);
  if (source !== undefined && isTooLong(source)) return [];
  return [
    { path, line: 1, message: "is within the limit or gone: take it out of LONG_FILES in scripts/check-size.ts" },
  ];
}

function isTooLong(source: SourceFile): boolean {
  return lineCount(source) > fileLimit(source);
}

function fileLimit({ path }: SourceFile): number {
  return isTestFile(path) ? MAX_TEST_FILE_LINES : MAX_FILE_LINES;
}

function lineCount({ text }: SourceFile): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

function measureFile(source: SourceFile): SizeReport {
  const sizes: SizeReport = { findings: [], warnings: [] };
  walk(source.program, (node, ancestors) => {
    const at = { path: source.path, line: source.lineOf(node.start) };
    const lines = source.lineOf(node.end) - at.line + 1;
    if (isClass(node) && lines > MAX_CLASS_LINES) {
      sizes.findings.push({ ...at, message: `class of ${lines} lines; the limit is ${MAX_CLASS_LINES}` });
    }
    const parameters = parameterCount(node);
    if (parameters > MAX_PARAMETERS) {
      const message = `${parameters} positional parameters; take one options object after ${MAX_PARAMETERS}`;
      sizes.findings.push({ ...at, message });
    }
    if (!isFunction(node) || holdsTests(node, ancestors.at(-1))) return;
    const message = `function ${nameOf(node, ancestors.at(-1))} of ${lines} lines; `;
    if (lines > MAX_FUNCTION_LINES)
      sizes.findings.push({ ...at, message: `${message}the limit is ${MAX_FUNCTION_LINES}` });
    else if (lines > TARGET_FUNCTION_LINES) {
      sizes.warnings.push({ ...at, message: `${message}the target is ${TARGET_FUNCTION_LINES}` });
    }
  });
  return sizes;
}

function isClass(node: Node): node is Class {
  return node.type === "ClassDeclaration" || node.type === "ClassExpression";
}

/** A function with a body or, in an overload or an abstract method, without. */
function isFunction(node: Node): node is OxcFunction | ArrowFunctionExpression {
  return [
    "FunctionDeclaration",
    "FunctionExpression",
    "ArrowFunctionExpression",
    "TSDeclareFunction",
    "TSEmptyBodyFunctionExpression",
  ].includes(node.type);
}

/** Positional parameters of a function, or of a signature in a type; TypeScript's `this` parameter is none. */
function parameterCount(node: Node): number {
  if (!isFunction(node) && node.type !== "TSMethodSignature" && node.type !== "TSFunctionType") return 0;
  return node.params.filter((parameter) => parameter.type !== "Identifier" || parameter.name !== "this").length;
}

/** True for the callback of describe, it and their kind, and for a function whose own statements register tests. */
function holdsTests(node: OxcFunction | ArrowFunctionExpression, parent: Node | undefined): boolean {
  if (isTestCall(parent)) return true;
  const body = node.body?.type === "BlockStatement" ? node.body.body : [];
  return body.some((statement) => statement.type === "ExpressionStatement" && isTestCall(statement.expression));
}

/** `it(…)`, `it.skipIf(…)(…)`, `describe.each(…)(…)`: a call whose callee starts with a name in TEST_CALLS. */
function isTestCall(node: Node | undefined): boolean {
  if (node?.type !== "CallExpression") return false;
  let callee: Node = node.callee;
  while (callee.type === "CallExpression" || callee.type === "MemberExpression") {
    callee = callee.type === "CallExpression" ? callee.callee : callee.object;
  }
  return callee.type === "Identifier" && TEST_CALLS.includes(callee.name);
}

function nameOf(node: OxcFunction | ArrowFunctionExpression, parent: Node | undefined): string {
  if (node.type !== "ArrowFunctionExpression" && node.id !== null) return node.id.name;
  if (parent?.type === "VariableDeclarator" && parent.id.type === "Identifier") return parent.id.name;
  const named =
    parent?.type === "MethodDefinition" || parent?.type === "PropertyDefinition" || parent?.type === "Property";
  return named && parent.key.type === "Identifier" ? parent.key.name : "(anonymous)";
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  const root = args.find((arg) => !arg.startsWith("--")) ?? dirname(import.meta.dirname);
  const { findings, warnings } = checkSize(root);
  if (args.includes("--verbose"))
    for (const { path, line, message } of warnings) console.log(`${path}:${line}: ${message}`);
  report(findings);
}
