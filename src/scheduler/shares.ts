import type { ShareView } from "../contracts/index.ts";
import { nodesOf } from "./share-tree.ts";
import type { State } from "./state.ts";

/** Every pool and user that has work or a share of its own, with what they hold and wait for. */
export function sharesOf(state: State): ShareView[] {
  const keys = new Set(state.shares.keys());
  for (const pool of state.tree.all.values()) {
    keys.add(`pool:${pool.name}`);
    for (const user of pool.all.values()) keys.add(`user:${user.name}`);
  }
  return [...keys].sort().map((key) => {
    const kind = key.startsWith("pool:") ? "pool" : "user";
    const name = key.slice(key.indexOf(":") + 1);
    const share = state.shares.get(key);
    const nodes = nodesOf(state, kind, name);
    return {
      kind,
      name,
      weight: share?.weight ?? 1,
      max_running: share?.maxRunning ?? null,
      running: nodes.reduce((sum, node) => sum + node.running, 0),
      waiting: nodes.reduce((sum, node) => sum + node.waiting, 0),
    };
  });
}
