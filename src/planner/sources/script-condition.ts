import type { Node } from "oxc-parser";
import type { Condition } from "./source-facts.ts";

const SIGNS: Readonly<Record<string, "<" | "<=" | ">" | ">=" | "==" | "!=">> = {
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
  "==": "==",
  "===": "==",
  "!=": "!=",
  "!==": "!=",
};
const MAX_DEPTH = 8;

/** Reads conditions of JavaScript. `constants` are those of the file, by name. */
export function scriptCondition(node: Node, constants: ReadonlyMap<string, Node>, depth = 0): Condition {
  if (depth > MAX_DEPTH) return { op: "unknown" };
  const read = (one: Node): Condition => scriptCondition(one, constants, depth + 1);
  switch (node.type) {
    case "ParenthesizedExpression":
    case "ChainExpression":
    case "TSAsExpression":
    case "TSNonNullExpression":
      return read(node.expression);
    case "AwaitExpression":
      return read(node.argument);
    case "UnaryExpression":
      return node.operator === "!" ? { op: "not", of: read(node.argument) } : { op: "unknown" };
    case "LogicalExpression":
      return { op: node.operator === "&&" ? "and" : "or", of: [read(node.left), read(node.right)] };
    case "BinaryExpression":
      return comparison(node.operator, node.left, { right: node.right, read });
    case "Literal":
      return literal(node.value);
    case "Identifier": {
      if (node.name === "undefined") return { op: "value", value: null };
      const meant = constants.get(node.name);
      return meant === undefined ? { op: "term", name: node.name } : read(meant);
    }
    default: {
      const name = dottedName(node);
      if (name === "Boolean" && node.type === "CallExpression" && node.arguments[0] !== undefined) {
        return read(node.arguments[0]);
      }
      return name === undefined ? { op: "unknown" } : { op: "term", name };
    }
  }
}

function comparison(
  operator: string,
  left: Node,
  { right, read }: { right: Node; read: (node: Node) => Condition },
): Condition {
  if (operator === "in" && left.type === "Literal") {
    const name = dottedName(right);
    return name === undefined ? { op: "unknown" } : { op: "term", name: `${name}.${String(left.value)}` };
  }
  const sign = SIGNS[operator];
  if (sign === undefined) return { op: "unknown" };
  // `typeof navigator.gpu === "undefined"`
  if (left.type === "UnaryExpression" && left.operator === "typeof" && textOf(right) === "undefined") {
    return { op: "compare", sign, left: read(left.argument), right: { op: "value", value: null } };
  }
  return { op: "compare", sign, left: read(left), right: read(right) };
}

function literal(value: unknown): Condition {
  const isPlain =
    value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? { op: "value", value } : { op: "unknown" };
}

/** `navigator.gpu.requestAdapter` of the call of it, too; undefined for what has no name. */
export function dottedName(node: Node | undefined): string | undefined {
  switch (node?.type) {
    case "Identifier":
      return node.name;
    case "ThisExpression":
      return "this";
    case "CallExpression":
      return dottedName(node.callee);
    case "ChainExpression":
    case "ParenthesizedExpression":
    case "TSNonNullExpression":
    case "TSAsExpression":
      return dottedName(node.expression);
    case "AwaitExpression":
      return dottedName(node.argument);
    case "MemberExpression": {
      const before = dottedName(node.object);
      const last = node.computed ? textOf(node.property) : dottedName(node.property);
      return before === undefined || last === undefined ? undefined : `${before}.${last}`;
    }
    default:
      return undefined;
  }
}

/** What a text is, where it is written out. */
export function textOf(node: Node | undefined): string | undefined {
  if (node?.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0]?.value.cooked ?? "";
  return undefined;
}
