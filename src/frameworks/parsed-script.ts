import type { Node, Program } from "oxc-parser";

/** The syntax tree of a file in JavaScript or TypeScript. */
export interface ParsedScript {
  program: Program;
  /** The first thing that is wrong with it; what stands before is in the tree as far as the parser got. */
  problem: string | undefined;
  /** In the order of the text. */
  childrenOf: (node: Node) => Node[];
}

/** Parses a file by its name and text. */
export async function parsedScript(path: string, text: string): Promise<ParsedScript> {
  const { parseSync, visitorKeys } = await import("oxc-parser");
  const { program, errors } = parseSync(path, text);
  const childrenOf = (node: Node): Node[] =>
    (visitorKeys[node.type] ?? []).flatMap((key) => {
      // The keys come from the parser's own table, which TypeScript cannot tie to the node's type.
      const child: unknown = Reflect.get(node, key);
      return (Array.isArray(child) ? child : [child]).filter(isNode);
    });
  return { program, problem: errors[0]?.message, childrenOf };
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
