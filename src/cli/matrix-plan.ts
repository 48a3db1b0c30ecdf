import type { Client } from "../client/index.ts";
import { assayError } from "../contracts/index.ts";
import type { Hardware, MatrixRecord, ModelConfig } from "../contracts/index.ts";
import { isWished } from "../executors/index.ts";
import type { BackendWish } from "../executors/index.ts";
import { findModel, listModels } from "../models/index.ts";
import type { Architecture } from "../models/index.ts";
import type { BackendChoice } from "../planner/index.ts";

/** Which models a person asked for. */
export interface ModelChoice {
  models?: readonly string[] | undefined;
  architectures?: readonly Architecture[] | undefined;
  /** Also those that have to be fetched from the hub. */
  hub?: boolean | undefined;
}

export interface PrecisionChoice {
  precisions?: readonly ModelConfig["precision"][] | undefined;
}

/** Which backends a person asked for; all that are proven unless told otherwise. */
export interface BackendFilter {
  hardware?: readonly Hardware[] | undefined;
  backends?: readonly BackendWish[] | undefined;
}

/** Names of the chosen models, ids for aliases; without a choice those that need no network. Error: nothing_matched. */
export function chosenModels({ models, architectures, hub = false }: ModelChoice): string[] {
  const known = listModels().filter((entry) => {
    if (architectures !== undefined)
      return architectures.includes(entry.architecture) && (hub || entry.origin.source === "generated");
    return models === undefined && (hub || entry.origin.source === "generated");
  });
  // One cell whichever of its names a model is called by.
  const named = (models ?? []).map((name) => findModel(name)?.id ?? name);
  const chosen = [...new Set([...named, ...known.map(({ id }) => id)])];
  if (chosen.length === 0) {
    throw assayError(
      "nothing_matched",
      `no model that works offline has the architecture ${(architectures ?? []).join(" or ")}`,
      {
        next: "Add --hub for models of the hub, or name models with --models.",
      },
    );
  }
  return chosen;
}

/**
 * The backends that ready workers of the run's pool proved and that are wanted, in the order of the first worker that did; and what
 * else they tried.
 */
export async function provenBackends(
  client: Pick<Client, "workers">,
  { pool, ...wanted }: BackendFilter & { pool: string },
): Promise<{ backends: BackendChoice[]; refused: string[] }> {
  const proven = new Map<string, BackendChoice>();
  const refused = new Map<string, string>();
  for await (const { capabilities } of client.workers({ status: "ready" })) {
    // No other worker takes the run's tasks: a task for what only a tab proved would be refused.
    if (!capabilities.pools.includes(pool)) continue;
    for (const { backend, hardware, available, detail } of capabilities.runtimes) {
      if (available) proven.set(backend, { backend, hardware });
      else if (isWanted({ backend, hardware }, wanted)) refused.set(backend, detail);
    }
  }
  for (const backend of proven.keys()) refused.delete(backend);
  const backends = [...proven.values()].filter((one) => isWanted(one, wanted));
  if (backends.length > 0) return { backends, refused: [...refused.keys()] };
  const why = Array.from(refused, ([backend, detail]) => `${backend}: ${detail}`);
  const had =
    proven.size === 0
      ? `no worker of the pool ${pool} proved a backend that runs models`
      : `workers proved only ${[...proven.keys()].join(", ")}`;
  throw assayError("nothing_matched", [had, ...why].join("; "), {
    next: "`assay workers` shows the workers; `assay hardware --backends all` tries everything on this machine.",
  });
}

/** Whether a backend is among those that a person asked for. */
export function isWanted(
  { backend, hardware }: { backend: string; hardware: string | null },
  { backends = ["all"], hardware: platforms }: BackendFilter,
): boolean {
  return (platforms?.some((one) => one === hardware) ?? true) && backends.some((wish) => isWished(wish, backend));
}

/** What was measured and is asked for. Here models of the hub need not be asked for apart: nothing is fetched. */
export function chosenRecords<Known extends Pick<MatrixRecord, "model" | "precision" | "backend" | "hardware">>(
  records: readonly Known[],
  { models, architectures, precisions, ...backends }: ModelChoice & PrecisionChoice & BackendFilter,
): Known[] {
  const isChosen = models !== undefined || architectures !== undefined;
  const names = isChosen ? chosenModels({ models, architectures, hub: true }) : null;
  return records.filter(
    ({ model, precision, backend, hardware }) =>
      (names?.includes(model) ?? true) &&
      (precisions?.some((one) => one === precision) ?? true) &&
      isWanted({ backend, hardware }, backends),
  );
}
