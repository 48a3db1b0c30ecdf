import type { JsonObject } from "../../base/index.ts";
import { readOnnx } from "../onnx/onnx-reader.ts";
import type { ImageSample, Sample, TextSample } from "../samples.ts";
import { bertReference } from "./bert-reference.ts";
import { configSizes } from "./config-sizes.ts";
import { gpt2Reference } from "./gpt2-reference.ts";
import { vitReference } from "./vit-reference.ts";
import { WeightTable } from "./weight-table.ts";

/** A second way to compute a model's output: slow, in double precision, from the formulas instead of the graph. */
export interface ReferenceModel {
  /** The output that `run` computes. */
  readonly outputName: string;
  /** That output for one sample, without the batch dimension, row by row. */
  run(sample: Sample): Float64Array;
}

/**
 * The reference of a generated model, from its `config.json` and the bytes of its ONNX file; `undefined` for every other model,
 * whose graph may differ from the formulas.
 */
export function createReference(config: JsonObject, onnx: Uint8Array): ReferenceModel | undefined {
  if (config["assay_generated"] === undefined) return undefined;
  const weights = new WeightTable(readOnnx(onnx).initializers);
  switch (config["model_type"]) {
    case "bert":
      return bertModel(config, weights);
    case "gpt2":
      return gpt2Model(config, weights);
    case "vit":
      return vitModel(config, weights);
    default:
      return undefined;
  }
}

function bertModel(config: JsonObject, weights: WeightTable): ReferenceModel {
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
  return { outputName: "last_hidden_state", run: (sample) => bertReference(weights, sizes, textOf(sample)).data };
}

function gpt2Model(config: JsonObject, weights: WeightTable): ReferenceModel {
  const sizes = configSizes(config, [
    "vocab_size",
    "n_embd",
    "n_layer",
    "n_head",
    "n_inner",
    "n_positions",
    "layer_norm_epsilon",
  ]);
  return { outputName: "logits", run: (sample) => gpt2Reference(weights, sizes, textOf(sample).inputIds).data };
}

function vitModel(config: JsonObject, weights: WeightTable): ReferenceModel {
  const sizes = configSizes(config, [
    "image_size",
    "patch_size",
    "num_channels",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "layer_norm_eps",
  ]);
  return { outputName: "logits", run: (sample) => vitReference(weights, sizes, imageOf(sample).pixels).data };
}

function textOf(sample: Sample): TextSample {
  if (sample.kind !== "text") throw new Error("a text model needs a text sample");
  return sample;
}

function imageOf(sample: Sample): ImageSample {
  if (sample.kind !== "image") throw new Error("a vision model needs an image sample");
  return sample;
}
