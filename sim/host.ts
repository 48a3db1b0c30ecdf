import type { Coverage } from "./coverage.ts";
import type { Options } from "./options.ts";
import { Host } from "./world.ts";
import type { World } from "./world.ts";

/** A new process, whose clocks may be a little fast or slow. */
export function newHost(world: World, { options, coverage }: { options: Options; coverage: Coverage }): Host {
  const host = new Host(world, options.turnMs);
  if (options.clockError === 0) return host;
  host.rate += options.clockError * (2 * world.rng.next() - 1);
  coverage.reached("clock fast or slow");
  return host;
}
