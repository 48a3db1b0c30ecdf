import { resolve } from "node:path";
import type { Architecture } from "./architectures.ts";
import { detectFamily } from "./architectures.ts";
import type { CatalogueEntry } from "./catalogue-entries.ts";
import { findModel } from "./catalogue.ts";
import { readConfig } from "./model-folder.ts";
import { isFolder, refuseUnknownModel } from "./resolve-model.ts";

/** What is known of a model before it is on this machine. */
export interface ModelFacts {
  /** What tasks call it: a catalogue id, the absolute path of a folder, a hub id. */
  readonly name: string;
  /** `unknown` for what only the hub knows. */
  readonly family: string;
  readonly architecture: Architecture;
  /** Sizes; absent for what is not in the catalogue. */
  readonly entry?: CatalogueEntry;
}

/** Errors: unknown_model; model_file_missing for a folder without `config.json`. */
export async function modelFacts(name: string, { cwd }: { cwd: string }): Promise<ModelFacts> {
  const entry = findModel(name);
  if (entry !== undefined) return { name: entry.id, family: entry.family, architecture: entry.architecture, entry };
  const folder = resolve(cwd, name);
  if (isFolder(folder)) return { name: folder, ...detectFamily(await readConfig(folder)) };
  refuseUnknownModel(name);
  return { name, family: "unknown", architecture: "unknown" };
}
