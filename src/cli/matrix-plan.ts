import type { Client } from "../client/index.ts";
import { assayError } from "../contracts/index.ts";
import type { Hardware } from "../contracts/index.ts";
import { listModels } from "../models/index.ts";
import type { Architecture } from "../models/index.ts";

/** Which models a person asked for. */
export interface ModelChoice {
  models?: readonly string[] | undefined;
  architectures?: readonly Architecture[] | undefined;
  /** Also those that have to be fetched from the hub. */
  all?: boolean | undefined;
}

/** Ids of the chosen models; without a choice those that need no network. Error: nothing_matched. */
export function chosenModels({ models, architectures, all = false }: ModelChoice): string[] {
  const known = listModels().filter((entry) => {
    if (architectures !== undefined)
      return architectures.includes(entry.architecture) && (all || entry.origin.source === "generated");
    return models === undefined && (all || entry.origin.source === "generated");
  });
  const chosen = [...(models ?? []), ...known.map(({ id }) => id)];
  if (chosen.length === 0) {
    throw assayError(
      "nothing_matched",
      `no model that works offline has the architecture ${(architectures ?? []).join(" or ")}`,
      {
        next: "Add --all for models of the hub, or name models with --models.",
      },
    );
  }
  return chosen;
}

/** The platforms on which workers proved that models run, in the order of the first worker that did. */
export async function provenPlatforms(client: Client, wanted: readonly Hardware[] | undefined): Promise<Hardware[]> {
  const proven = new Set<Hardware>();
  for await (const { capabilities } of client.workers({ status: "ready" })) {
    for (const runtime of capabilities.runtimes) if (runtime.available) proven.add(runtime.hardware);
  }
  const platforms = [...proven].filter((platform) => wanted === undefined || wanted.includes(platform));
  if (platforms.length > 0) return platforms;
  const why =
    proven.size === 0
      ? "no worker proved a platform that runs models"
      : `workers proved only ${[...proven].join(", ")}`;
  throw assayError("nothing_matched", why, {
    next: "`assay workers` shows the workers, `assay hardware` what this machine can do.",
  });
}
