import type { Architecture } from "./architectures.ts";
import type { GeneratedModelId } from "./generator/generated-model.ts";
import { estimatedFileBytes } from "./model-size.ts";
import type { ModelShape, PrecisionBytes } from "./model-size.ts";

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
  /** As counted in the file of a generated model, as published for one of the hub. */
  readonly parameterCount: number;
  /** Size of the ONNX file by precision: exact for generated models, estimated from the parameters for those of the hub. */
  readonly fileBytes: PrecisionBytes;
  readonly shape: ModelShape;
  readonly summary: string;
}

type Common = Pick<CatalogueEntry, "family" | "architecture" | "parameterCount" | "shape" | "summary">;

const generated = (
  id: GeneratedModelId,
  entry: Common & { readonly fileBytes: readonly [fp32: number, fp16: number, int8: number, q4: number] },
): CatalogueEntry => {
  const [fp32, fp16, int8, q4] = entry.fileBytes;
  const origin = { source: "generated", id } as const;
  return { id, ...entry, fileBytes: { fp32, fp16, int8, q4 }, aliases: [`assay/${id}`], origin };
};

const onHub = (
  id: string,
  { repository, ...entry }: Common & { readonly repository: string; readonly aliases: readonly string[] },
): CatalogueEntry => ({
  id,
  ...entry,
  fileBytes: estimatedFileBytes(entry.parameterCount, entry.shape),
  origin: { source: "hub", repository },
});

/** A stack of layers as most published models have it, whose feed-forward part is four times as wide. */
const stack = (
  layers: number,
  hidden: number,
  heads: number,
): Pick<ModelShape, "layers" | "hidden" | "heads" | "intermediate"> => ({
  layers,
  hidden,
  heads,
  intermediate: 4 * hidden,
});

/** A text of 128 tokens, the length that models are measured with unless a task says otherwise. */
const textOf = (vocabulary: number, outputs = vocabulary): Pick<ModelShape, "tokens" | "vocabulary" | "outputs"> => ({
  tokens: 128,
  vocabulary,
  outputs,
});
const imageOf = (tokens: number): Pick<ModelShape, "tokens" | "vocabulary" | "outputs"> => ({
  tokens,
  vocabulary: 0,
  outputs: 0,
});

const generatedEntries: readonly CatalogueEntry[] = [
  generated("tiny-bert", {
    ...{ family: "bert", architecture: "encoder-only", parameterCount: 612_352 },
    fileBytes: [2_465_468, 1_241_241, 719_744, 700_678],
    shape: { layers: 4, hidden: 128, heads: 4, intermediate: 256, ...textOf(512, 128) },
    summary: "4 layers",
  }),
  generated("tiny-gpt2", {
    ...{ family: "gpt2", architecture: "decoder-only", parameterCount: 685_184 },
    fileBytes: [2_754_377, 1_386_247, 734_256, 641_318],
    shape: { layers: 3, hidden: 128, heads: 4, intermediate: 512, ...textOf(288), cached: true },
    summary: "3 layers, with a key-value cache",
  }),
  generated("tiny-vit", {
    ...{ family: "vit", architecture: "vision", parameterCount: 311_338 },
    fileBytes: [1_261_041, 638_773, 379_097, 267_364],
    shape: { layers: 4, hidden: 96, heads: 4, intermediate: 192, ...imageOf(65) },
    summary: "4 layers, 32 × 32 pixels",
  }),
  generated("tiny-t5", {
    ...{ family: "t5", architecture: "encoder-decoder", parameterCount: 722_688 },
    fileBytes: [2_916_088, 1_472_085, 785_433, 710_842],
    shape: { layers: 4, hidden: 128, heads: 4, intermediate: 256, ...textOf(512) },
    summary: "2 + 2 layers",
  }),
  generated("tiny-whisper", {
    ...{ family: "whisper", architecture: "speech", parameterCount: 808_448 },
    fileBytes: [3_255_954, 1_639_792, 971_510, 1_050_508],
    shape: { layers: 4, hidden: 128, heads: 4, intermediate: 256, ...textOf(288) },
    summary: "2 + 2 layers, 2 seconds of sound",
  }),
  generated("tiny-clip", {
    ...{ family: "clip", architecture: "multimodal", parameterCount: 521_665 },
    fileBytes: [2_115_505, 1_073_565, 645_267, 588_857],
    shape: { layers: 6, hidden: 96, heads: 4, intermediate: 192, ...textOf(288, 0) },
    summary: "3 + 3 layers, 32 × 32 pixels",
  }),
];

/** Sizes from the models' `config.json`, parameters from their cards and papers. */
const hubEntries: readonly CatalogueEntry[] = [
  onHub("bert-base-uncased", {
    ...{ family: "bert", architecture: "encoder-only", parameterCount: 110e6 },
    repository: "Xenova/bert-base-uncased",
    aliases: ["google-bert/bert-base-uncased", "bert", "bert-base"],
    shape: { ...stack(12, 768, 12), ...textOf(30_522) },
    summary: "12 layers",
  }),
  onHub("distilbert-base-uncased", {
    ...{ family: "distilbert", architecture: "encoder-only", parameterCount: 67e6 },
    repository: "Xenova/distilbert-base-uncased",
    aliases: ["distilbert/distilbert-base-uncased", "distilbert"],
    shape: { ...stack(6, 768, 12), ...textOf(30_522) },
    summary: "6 layers",
  }),
  onHub("roberta-base", {
    ...{ family: "roberta", architecture: "encoder-only", parameterCount: 125e6 },
    repository: "Xenova/roberta-base",
    aliases: ["FacebookAI/roberta-base", "roberta"],
    shape: { ...stack(12, 768, 12), ...textOf(50_265) },
    summary: "12 layers",
  }),
  onHub("all-minilm-l6-v2", {
    ...{ family: "bert", architecture: "encoder-only", parameterCount: 22.7e6 },
    repository: "Xenova/all-MiniLM-L6-v2",
    aliases: ["sentence-transformers/all-MiniLM-L6-v2", "all-minilm", "minilm"],
    shape: { ...stack(6, 384, 12), ...textOf(30_522, 384) },
    summary: "6 layers, embeddings of sentences",
  }),
  onHub("gpt2", {
    ...{ family: "gpt2", architecture: "decoder-only", parameterCount: 124e6 },
    repository: "onnx-community/gpt2-ONNX",
    aliases: ["openai-community/gpt2", "gpt-2"],
    shape: { ...stack(12, 768, 12), ...textOf(50_257), cached: true },
    summary: "12 layers",
  }),
  onHub("smollm2-135m-instruct", {
    ...{ family: "llama", architecture: "decoder-only", parameterCount: 135e6 },
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    aliases: ["smollm2-135m", "smollm2"],
    shape: { ...stack(30, 576, 9), intermediate: 1_536, ...textOf(49_152), cached: true },
    summary: "30 layers",
  }),
  onHub("qwen2.5-0.5b-instruct", {
    ...{ family: "qwen2", architecture: "decoder-only", parameterCount: 494e6 },
    repository: "onnx-community/Qwen2.5-0.5B-Instruct",
    aliases: ["Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5-0.5b", "qwen2.5"],
    shape: { ...stack(24, 896, 14), intermediate: 4_864, ...textOf(151_936), cached: true },
    summary: "24 layers",
  }),
  onHub("t5-small", {
    ...{ family: "t5", architecture: "encoder-decoder", parameterCount: 60.5e6 },
    repository: "Xenova/t5-small",
    aliases: ["google-t5/t5-small", "t5"],
    shape: { ...stack(12, 512, 8), ...textOf(32_128) },
    summary: "6 + 6 layers; exported in parts, the encoder is measured",
  }),
  onHub("flan-t5-small", {
    ...{ family: "t5", architecture: "encoder-decoder", parameterCount: 77e6 },
    repository: "Xenova/flan-t5-small",
    aliases: ["google/flan-t5-small", "flan-t5"],
    shape: { ...stack(16, 512, 6), intermediate: 1_024, ...textOf(32_128) },
    summary: "8 + 8 layers; exported in parts, the encoder is measured",
  }),
  onHub("vit-base-patch16-224", {
    ...{ family: "vit", architecture: "vision", parameterCount: 86.6e6 },
    repository: "Xenova/vit-base-patch16-224",
    aliases: ["google/vit-base-patch16-224", "vit", "vit-base"],
    shape: { ...stack(12, 768, 12), ...imageOf(197) },
    summary: "12 layers, 224 × 224 pixels",
  }),
  onHub("deit-tiny-distilled-patch16-224", {
    ...{ family: "deit", architecture: "vision", parameterCount: 5.9e6 },
    repository: "Xenova/deit-tiny-distilled-patch16-224",
    aliases: ["facebook/deit-tiny-distilled-patch16-224", "deit", "deit-tiny"],
    shape: { ...stack(12, 192, 3), ...imageOf(198) },
    summary: "12 layers, 224 × 224 pixels",
  }),
  onHub("whisper-tiny", {
    ...{ family: "whisper", architecture: "speech", parameterCount: 38e6 },
    repository: "Xenova/whisper-tiny",
    aliases: ["openai/whisper-tiny", "onnx-community/whisper-tiny", "whisper"],
    shape: { ...stack(8, 384, 6), ...textOf(51_865, 0), tokens: 1_500 },
    summary: "4 + 4 layers, 30 seconds of sound; exported in parts, the encoder is measured",
  }),
  onHub("whisper-base", {
    ...{ family: "whisper", architecture: "speech", parameterCount: 73e6 },
    repository: "Xenova/whisper-base",
    aliases: ["openai/whisper-base", "onnx-community/whisper-base"],
    shape: { ...stack(12, 512, 8), ...textOf(51_865, 0), tokens: 1_500 },
    summary: "6 + 6 layers, 30 seconds of sound; exported in parts, the encoder is measured",
  }),
  onHub("clip-vit-base-patch32", {
    ...{ family: "clip", architecture: "multimodal", parameterCount: 151e6 },
    repository: "Xenova/clip-vit-base-patch32",
    aliases: ["openai/clip-vit-base-patch32", "clip", "clip-vit-base", "clip-vit-b-32"],
    shape: { ...stack(24, 768, 12), ...textOf(49_408, 0), tokens: 77 },
    summary: "12 + 12 layers, 224 × 224 pixels",
  }),
];

/** All models that have a name of their own, the generated ones first. */
export const catalogueEntries: readonly CatalogueEntry[] = [...generatedEntries, ...hubEntries];
