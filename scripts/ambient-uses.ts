// Finds what makes code answer differently for the same arguments: clocks, randomness, promises, reachable globals.
import type { Node } from "oxc-parser";

import { type Finding, type SourceFile, walk } from "./source-tree.ts";

const AMBIENT = new Set([
  "Date",
  "Promise",
  "clearInterval",
  "clearTimeout",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** One finding per use of an ambient global, of `Math.random`, and of `async` or `await`. */
export function ambientUses(source: SourceFile): Finding[] {
  const findings: Finding[] = [];
  walk(source.program, (node, ancestors) => {
    const use = ambientUse(node, ancestors.at(-1));
    if (use === undefined) return;
    const message = `${use} has no place in a deterministic room; take the value as an argument`;
    findings.push({ path: source.path, line: source.lineOf(node.start), message });
  });
  return findings;
}

function ambientUse(node: Node, parent: Node | undefined): string | undefined {
  switch (node.type) {
    case "AwaitExpression":
      return "await";
    case "ForOfStatement":
      return node.await ? "for await" : undefined;
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return node.async ? "an async function" : undefined;
    case "Identifier":
      if (parent === undefined || isName(node, parent)) return undefined;
      if (node.name === "Math") return readsRandom(parent) ? "Math.random" : undefined;
      return AMBIENT.has(node.name) ? node.name : undefined;
    default:
      return undefined;
  }
}

/** True for the identifiers that name a property, a field of a type or a key, and so refer to no global. */
function isName(node: Node, parent: Node): boolean {
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed && !parent.shorthand;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    default:
      return false;
  }
}

/** Anything but `Math.name` may be a way to `Math.random`. */
function readsRandom(parent: Node): boolean {
  if (parent.type !== "MemberExpression" || parent.computed) return true;
  return parent.property.type === "Identifier" && parent.property.name === "random";
}
