// The imports of one file, read from its syntax tree, and the import cycles of many.
import type { CallExpression, Expression, Node } from "oxc-parser";

import { type SourceFile, walk } from "./source-tree.ts";

/**
 * `type` vanishes at run time; `dynamic` is `import()` or `require()`; `thread` names the entry file of a thread or
 * a process, by `new URL` or by base's `siblingModule`.
 */
export type EdgeKind = "static" | "dynamic" | "type" | "thread";

export interface ImportEdge {
  kind: EdgeKind;
  /** As written; undefined when it is computed at run time. */
  specifier: string | undefined;
  line: number;
}

/** Every import of a file, in source order. */
export function importEdges(source: SourceFile): ImportEdge[] {
  const edges: ImportEdge[] = [];
  walk(source.program, (node) => {
    const found = edgeOf(node);
    if (found !== undefined) edges.push({ ...found, line: source.lineOf(node.start) });
  });
  return edges;
}

/** Cycles in a graph of files: each strongly connected group once, sorted. */
export function importCycles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reachable = new Map([...graph.keys()].map((file) => [file, reachableFrom(graph, file)]));
  const groups = new Map<string, string[]>();
  for (const [file, targets] of reachable) {
    if (!targets.has(file)) continue;
    const group = [...targets].filter((other) => reachable.get(other)?.has(file)).toSorted();
    groups.set(group.join("\n"), group);
  }
  return [...groups.values()];
}

function edgeOf(node: Node): Omit<ImportEdge, "line"> | undefined {
  switch (node.type) {
    case "ImportDeclaration":
      return { kind: node.importKind === "type" ? "type" : "static", specifier: node.source.value };
    case "ExportAllDeclaration":
      return { kind: node.exportKind === "type" ? "type" : "static", specifier: node.source.value };
    case "ExportNamedDeclaration":
      if (node.source === null) return undefined;
      return { kind: node.exportKind === "type" ? "type" : "static", specifier: node.source.value };
    case "TSImportType":
      return { kind: "type", specifier: node.source.value };
    case "ImportExpression":
      return { kind: "dynamic", specifier: literalText(node.source) };
    case "CallExpression":
      return edgeOfCall(node);
    case "NewExpression":
      return threadEntry(node.callee, node.arguments[0]);
    default:
      return undefined;
  }
}

/** `require("name")`, and base's `siblingModule(import.meta.url, "name")`, which leaves the suffix out. */
function edgeOfCall({ callee, arguments: [first, second] }: CallExpression): Omit<ImportEdge, "line"> | undefined {
  if (callee.type !== "Identifier") return undefined;
  if (callee.name === "require") return { kind: "dynamic", specifier: literalText(first) };
  const name = literalText(second);
  if (callee.name !== "siblingModule" || name === undefined) return undefined;
  return { kind: "thread", specifier: `./${name.replace(/^\.\//, "")}.ts` };
}

function threadEntry(callee: Expression, argument: Node | undefined): Omit<ImportEdge, "line"> | undefined {
  const specifier = literalText(argument);
  const isUrl = callee.type === "Identifier" && callee.name === "URL";
  if (!isUrl || specifier === undefined || !/^\.{1,2}\/.*\.m?[jt]s$/.test(specifier)) return undefined;
  return { kind: "thread", specifier };
}

function literalText(node: Node | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

export function reachableFrom(graph: ReadonlyMap<string, ReadonlySet<string>>, start: string): Set<string> {
  const seen = new Set<string>();
  const open = [...(graph.get(start) ?? [])];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    open.push(...(graph.get(file) ?? []));
  }
  return seen;
}
