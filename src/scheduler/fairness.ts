import { AGEING_MS_PER_POINT } from "./priority.ts";

/** Ten points of priority are worth four times the share. */
export const SHARE_PER_POINT = 4 ** (1 / 10);
const LOG_PER_POINT = Math.log(SHARE_PER_POINT);

/** What a node of the tree of shares is ordered by. */
export interface ShareFacts {
  running: number;
  weight: number;
  /** The highest priority that is ready below it. */
  topPriority: number;
  /** When it last got a lease, or had something ready again. */
  servedAtMs: number;
}

/**
 * The score of a pool, of a user in it, or of a run; the lowest is served first: `(running + 1) / weight · b^-priority`, with
 * `b = SHARE_PER_POINT`, so that siblings get leases in proportion to their weights (Buildbarn orders by the same product).
 * A node that is ready and not served gains a point of priority in each `AGEING_MS_PER_POINT`. As everybody gains alike, the
 * present time drops out of every comparison, and the logarithm of the score is constant until something happens to the node:
 *
 *   ln((running + 1) / weight) - ln b · (priority - servedAt / AGEING_MS_PER_POINT)
 *
 * Bound: a ready node is served before any sibling that was served more than `boundMs` after it.
 */
export function scoreOf({ running, weight, topPriority, servedAtMs }: ShareFacts): number {
  return Math.log((running + 1) / weight) - LOG_PER_POINT * (topPriority - servedAtMs / AGEING_MS_PER_POINT);
}

/**
 * The longest time for which `other`, served again and again, can come before `node`, unserved, in milliseconds: until ageing
 * outweighs its priority, weight and number of leases. With n siblings node is served at the latest with the n-th lease after that.
 */
export function boundMs(node: Omit<ShareFacts, "servedAtMs">, other: Omit<ShareFacts, "servedAtMs">): number {
  const points =
    other.topPriority -
    node.topPriority +
    (Math.log((node.running + 1) / node.weight) - Math.log((other.running + 1) / other.weight)) / LOG_PER_POINT;
  return Math.max(0, points) * AGEING_MS_PER_POINT;
}
