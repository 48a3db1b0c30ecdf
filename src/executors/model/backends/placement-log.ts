import type { Placement } from "./backend.ts";

/** Both forms of a line that says where nodes were placed, e.g. `All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 73`. */
const PLACED = /odes?(?:\(s\))? placed on \[(\w+)\]\. Number of nodes: (\d+)/;

/** How many nodes each provider has, from the verbose log of ONNX Runtime. */
export function countPlacements(lines: readonly string[]): Placement {
  const counts: Record<string, number> = {};
  for (const line of lines) {
    const found = PLACED.exec(line);
    if (found?.[1] !== undefined) counts[found[1]] = (counts[found[1]] ?? 0) + Number(found[2]);
  }
  return counts;
}
