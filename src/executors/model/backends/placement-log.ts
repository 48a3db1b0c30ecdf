import { PlacementCount } from "./placement.ts";
import type { Placement } from "./placement.ts";

/** `All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 73`: which ones is then not told. */
const ALL = /All nodes placed on \[(\w+)\]\. Number of nodes: (\d+)/;
/** `Node(s) placed on [CPUExecutionProvider]. Number of nodes: 4`, followed by a line for each node. */
const SOME = /Node\(s\) placed on \[(\w+)\]/;
/** `  MatMulNBits (MatMul_14_0)`, after the words that begin each line of the log. */
const NODE = /VerifyEachNodeIsAssignedToAnEp\]\s+(\w+) \(/;

/** Who runs which nodes, from the verbose log of ONNX Runtime (session_state.cc, VerifyEachNodeIsAssignedToAnEp). */
export function readPlacement(lines: readonly string[]): Placement {
  const count = new PlacementCount();
  let provider: string | undefined;
  for (const line of lines) {
    const [, only, nodes] = ALL.exec(line) ?? [];
    if (only !== undefined) count.add(only, "any", Number(nodes));
    provider = SOME.exec(line)?.[1] ?? provider;
    const operator = NODE.exec(line)?.[1];
    if (operator !== undefined && provider !== undefined) count.add(provider, operator);
  }
  return count.placement;
}
