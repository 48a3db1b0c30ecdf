import type { Architecture } from "./architectures.ts";
import { generatedModelIds } from "./generator/generated-model.ts";
import type { GeneratedModelId } from "./generator/generated-model.ts";

/** A model that people can name. */
export interface CatalogueEntry {
  readonly id: string;
  readonly family: string;
  readonly architecture: Architecture;
  readonly aliases: readonly string[];
  /** Where it comes from: made on the spot, or a repository of the Hugging Face hub with ONNX files. */
  readonly origin:
    | { readonly source: "generated"; readonly id: GeneratedModelId }
    | { readonly source: "hub"; readonly repository: string };
  readonly summary: string;
}

const generated = (
  id: GeneratedModelId,
  entry: { readonly family: string; readonly architecture: Architecture; readonly summary: string },
): CatalogueEntry => ({ id, ...entry, aliases: [`assay/${id}`], origin: { source: "generated", id } });

const onHub = (
  id: string,
  entry: {
    readonly family: string;
    readonly architecture: Architecture;
    readonly repository: string;
    readonly aliases?: readonly string[];
    readonly summary: string;
  },
): CatalogueEntry => ({
  id,
  family: entry.family,
  architecture: entry.architecture,
  aliases: entry.aliases ?? [],
  origin: { source: "hub", repository: entry.repository },
  summary: entry.summary,
});

const entries: readonly CatalogueEntry[] = [
  generated("tiny-bert", { family: "bert", architecture: "encoder-only", summary: "4 layers, 0.6 M parameters" }),
  generated("tiny-gpt2", {
    family: "gpt2",
    architecture: "decoder-only",
    summary: "3 layers, 0.7 M parameters, with a key-value cache",
  }),
  generated("tiny-vit", {
    family: "vit",
    architecture: "vision",
    summary: "4 layers, 0.3 M parameters, 32 × 32 pixels",
  }),
  generated("tiny-t5", {
    family: "t5",
    architecture: "encoder-decoder",
    summary: "2 + 2 layers, 0.7 M parameters",
  }),
  generated("tiny-whisper", {
    family: "whisper",
    architecture: "speech",
    summary: "2 + 2 layers, 0.8 M parameters, 2 seconds of sound",
  }),
  generated("tiny-clip", {
    family: "clip",
    architecture: "multimodal",
    summary: "3 + 3 layers, 0.5 M parameters, 32 × 32 pixels",
  }),
  onHub("bert-base-uncased", {
    family: "bert",
    architecture: "encoder-only",
    repository: "Xenova/bert-base-uncased",
    aliases: ["google-bert/bert-base-uncased"],
    summary: "12 layers, 110 M parameters",
  }),
  onHub("all-minilm-l6-v2", {
    family: "bert",
    architecture: "encoder-only",
    repository: "Xenova/all-MiniLM-L6-v2",
    aliases: ["sentence-transformers/all-MiniLM-L6-v2"],
    summary: "6 layers, 22 M parameters",
  }),
  onHub("gpt2", {
    family: "gpt2",
    architecture: "decoder-only",
    repository: "onnx-community/gpt2-ONNX",
    aliases: ["openai-community/gpt2"],
    summary: "12 layers, 124 M parameters",
  }),
  onHub("vit-base-patch16-224", {
    family: "vit",
    architecture: "vision",
    repository: "Xenova/vit-base-patch16-224",
    aliases: ["google/vit-base-patch16-224"],
    summary: "12 layers, 86 M parameters",
  }),
];

/** All models that have a name of their own, the generated ones first. */
export function listModels(): readonly CatalogueEntry[] {
  return entries;
}

/** The entry with this id or alias; upper and lower case are the same. */
export function findModel(name: string): CatalogueEntry | undefined {
  const wanted = name.toLowerCase();
  return entries.find((entry) => [entry.id, ...entry.aliases].some((known) => known.toLowerCase() === wanted));
}

/** Ids and aliases that look like a misspelt name; the generated models where nothing does. */
export function nearMatches(name: string): string[] {
  const wanted = name.toLowerCase();
  const near = entries
    .flatMap((entry) => [entry.id, ...entry.aliases])
    .map((known) => ({ known, distance: editDistance(wanted, known.toLowerCase()) }))
    .filter(({ known, distance }) => distance <= 3 || known.toLowerCase().includes(wanted))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ known }) => known);
  return near.length > 0 ? near : [...generatedModelIds];
}

/** Levenshtein distance: the fewest single-character changes from one text to the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] as number) + 1, (current[column - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[to.length] as number;
}
