import type { Expression } from "oxc-parser";
import { parsedScript } from "../../frameworks/index.ts";

/** Reads JSON as tools take it, with comments and commas at the end; undefined where it cannot be read. */
export async function jsonSettings(text: string | undefined): Promise<unknown> {
  if (text === undefined) return undefined;
  const { program } = await parsedScript("settings.js", `(${text}\n)`);
  const [statement] = program.body;
  return statement?.type === "ExpressionStatement" ? valueOf(statement.expression) : undefined;
}

function valueOf(node: Expression): unknown {
  switch (node.type) {
    case "ParenthesizedExpression":
      return valueOf(node.expression);
    case "Literal":
      return node.value;
    case "ArrayExpression":
      return node.elements.flatMap((one) => (one === null || one.type === "SpreadElement" ? [] : [valueOf(one)]));
    case "ObjectExpression":
      return Object.fromEntries(
        node.properties.flatMap((one): [string, unknown][] => {
          if (one.type !== "Property" || one.key.type !== "Literal") return [];
          return [[String(one.key.value), valueOf(one.value)]];
        }),
      );
    default:
      return undefined;
  }
}

/** All texts in a value. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
