import { catalogueEntries } from "./catalogue-entries.ts";
import type { CatalogueEntry } from "./catalogue-entries.ts";
import { generatedModelIds } from "./generator/generated-model.ts";
import { activationBytes } from "./model-size.ts";
import type { SizedPrecision } from "./model-size.ts";
import { nearest } from "./near-matches.ts";

/** All models that have a name of their own, the generated ones first. */
export function listModels(): readonly CatalogueEntry[] {
  return catalogueEntries;
}

/** The entry with this id, alias or repository; upper and lower case are the same. */
export function findModel(name: string): CatalogueEntry | undefined {
  const wanted = name.toLowerCase();
  return catalogueEntries.find((entry) => namesOf(entry).some((known) => known.toLowerCase() === wanted));
}

/** Ids and aliases that look like a misspelt name; the generated models where nothing does. */
export function nearMatches(name: string): string[] {
  const near = nearest(name, catalogueEntries.flatMap(namesOf));
  return near.length > 0 ? near : [...generatedModelIds];
}

/**
 * Bytes of memory that so many samples at once need, estimated: the weights as they are in the file, and the tensors of `activationBytes`. The
 * runtime itself comes on top, about 150 MB of a Node process.
 */
export function memoryBytes(entry: CatalogueEntry, precision: SizedPrecision, samples = 1): number {
  return entry.fileBytes[precision] + samples * activationBytes(entry.shape);
}

function namesOf({ id, aliases, origin }: CatalogueEntry): string[] {
  return [id, ...aliases, ...(origin.source === "hub" ? [origin.repository] : [])];
}
