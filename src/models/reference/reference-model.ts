import type { JsonObject } from "../../base/index.ts";
import { configSection, configSizes } from "../config-sizes.ts";
import { originalWeights } from "../generator/generated-model.ts";
import { elementType } from "../onnx/onnx-model.ts";
import { readOnnx } from "../onnx/onnx-reader.ts";
import { decoderIdsOf, imageOf, speechOf, textOf } from "../samples.ts";
import type { Sample } from "../samples.ts";
import { bertReference } from "./bert-reference.ts";
import { clipImageReference, clipTextReference } from "./clip-reference.ts";
import { gpt2Reference } from "./gpt2-reference.ts";
import { t5Reference } from "./t5-reference.ts";
import { vitReference } from "./vit-reference.ts";
import { WeightTable } from "./weight-table.ts";
import { whisperReference } from "./whisper-reference.ts";

/** A second way to compute a model's output: slow, in double precision, from the formulas instead of the graph. */
export interface ReferenceModel {
  /** The main output. */
  readonly outputName: string;
  /** Every output that depends on the sample alone and not on the rest of its batch, by name: without the batch dimension, row by row. */
  outputs(sample: Sample): Readonly<Record<string, Float64Array>>;
}

/** Types in which weights of lower precision are stored. */
const reducedTypes: ReadonlySet<number> = new Set([elementType.float16, elementType.int8, elementType.uint8]);

/** By output name, how it is computed from one sample. */
type OutputFormulas = readonly [OutputFormula, ...OutputFormula[]];
type OutputFormula = readonly [name: string, compute: (sample: Sample) => Float64Array];

/**
 * The reference of a generated model, from its `config.json` and the bytes of its ONNX file; `undefined` for every other model,
 * whose graph may differ from the formulas. That of a file of lower precision has the 32-bit weights that the file was made from, so
 * that the difference shows what the lower precision costs.
 */
export function createReference(config: JsonObject, onnx: Uint8Array): ReferenceModel | undefined {
  if (config["assay_generated"] === undefined) return undefined;
  const stored = readOnnx(onnx).initializers;
  const weights = stored.some((tensor) => reducedTypes.has(tensor.elementType)) ? originalWeights(config) : stored;
  const formulas = weights && formulasOf(config, new WeightTable(weights));
  if (formulas === undefined) return undefined;
  const [[outputName]] = formulas;
  const outputs = (sample: Sample): Record<string, Float64Array> =>
    Object.fromEntries(formulas.map(([name, compute]) => [name, compute(sample)]));
  return { outputName, outputs };
}

function formulasOf(config: JsonObject, weights: WeightTable): OutputFormulas | undefined {
  switch (config["model_type"]) {
    case "bert":
      return bertFormulas(config, weights);
    case "gpt2":
      return gpt2Formulas(config, weights);
    case "vit":
      return vitFormulas(config, weights);
    case "t5":
      return t5Formulas(config, weights);
    case "whisper":
      return whisperFormulas(config, weights);
    case "clip":
      return clipFormulas(config, weights);
    default:
      return undefined;
  }
}

function bertFormulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const sizes = configSizes(config, [
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
  ]);
  return [["last_hidden_state", (sample) => bertReference(weights, sizes, needed(textOf(sample))).data]];
}

function gpt2Formulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const sizes = configSizes(config, [
    "vocab_size",
    "n_embd",
    "n_layer",
    "n_head",
    "n_inner",
    "n_positions",
    "layer_norm_epsilon",
  ]);
  return [["logits", (sample) => gpt2Reference(weights, sizes, needed(textOf(sample)).inputIds).data]];
}

const visionSizes = [
  "image_size",
  "patch_size",
  "num_channels",
  "hidden_size",
  "num_hidden_layers",
  "num_attention_heads",
  "intermediate_size",
  "layer_norm_eps",
] as const;

function vitFormulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const sizes = configSizes(config, visionSizes);
  return [["logits", (sample) => vitReference(weights, sizes, needed(imageOf(sample)).pixels).data]];
}

function t5Formulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const sizes = configSizes(config, [
    "vocab_size",
    "d_model",
    "d_kv",
    "d_ff",
    "num_layers",
    "num_decoder_layers",
    "num_heads",
    "relative_attention_num_buckets",
    "relative_attention_max_distance",
    "layer_norm_epsilon",
  ]);
  const logits = (sample: Sample): Float64Array => {
    const decoderInputIds = needed(decoderIdsOf(sample));
    return t5Reference(weights, sizes, { ...needed(textOf(sample)), decoderInputIds }).data;
  };
  return [["logits", logits]];
}

function whisperFormulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const sizes = configSizes(config, [
    "vocab_size",
    "num_mel_bins",
    "d_model",
    "encoder_layers",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "decoder_layers",
    "decoder_attention_heads",
    "decoder_ffn_dim",
    "max_source_positions",
    "max_target_positions",
  ]);
  return [["logits", (sample) => whisperReference(weights, sizes, needed(speechOf(sample))).data]];
}

function clipFormulas(config: JsonObject, weights: WeightTable): OutputFormulas {
  const textSizes = configSizes(configSection(config, "text_config"), [
    "vocab_size",
    "max_position_embeddings",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "layer_norm_eps",
  ]);
  const imageSizes = configSizes(configSection(config, "vision_config"), visionSizes);
  return [
    ["text_embeds", (sample) => clipTextReference(weights, textSizes, needed(textOf(sample))).data],
    ["image_embeds", (sample) => clipImageReference(weights, imageSizes, needed(imageOf(sample)).pixels).data],
  ];
}

function needed<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("the sample is of another kind than the model's input");
  return part;
}
