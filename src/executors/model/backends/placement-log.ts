import type { Placement } from "./backend.ts";

/** Both forms of a line that says where nodes were placed, e.g. `All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 73`. */
const PLACED = /odes?(?:\(s\))? placed on \[(\w+)\]\. Number of nodes: (\d+)/;

/** What a provider that compiles graphs says of those it took; each graph is then placed as one node. */
const TAKEN = /(\w+)::GetCapability, number of partitions .* number of nodes supported by \w+: (\d+)/;

/** How many nodes each provider has, from the verbose log of ONNX Runtime. */
export function countPlacements(lines: readonly string[]): Placement {
  const placed: Record<string, number> = {};
  const taken: Record<string, number> = {};
  for (const line of lines) {
    const [, provider, count] = PLACED.exec(line) ?? [];
    if (provider !== undefined) placed[provider] = (placed[provider] ?? 0) + Number(count);
    const [, compiler, nodes] = TAKEN.exec(line) ?? [];
    if (compiler !== undefined) taken[compiler] = Number(nodes);
  }
  return Object.fromEntries(Object.entries(placed).map(([name, count]) => [name, taken[name] ?? count]));
}
