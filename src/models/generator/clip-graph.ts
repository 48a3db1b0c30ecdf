import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import {
  embedding,
  feedForward,
  layerNorm,
  leadingRows,
  paddingMask,
  project,
  projectedAttention,
  textCausalMask,
} from "./layers.ts";
import { patchTokens } from "./patch-tokens.ts";

/** What both towers of a CLIP-like model have, under the names of `text_config` and `vision_config`. */
export interface ClipTowerSizes {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly layer_norm_eps: number;
}

export interface ClipTextSizes extends ClipTowerSizes {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
}

export interface ClipVisionSizes extends ClipTowerSizes {
  readonly image_size: number;
  readonly patch_size: number;
  readonly num_channels: number;
}

export interface ClipSizes {
  readonly text: ClipTextSizes;
  readonly vision: ClipVisionSizes;
  readonly projection_dim: number;
  readonly logit_scale_init_value: number;
}

/**
 * A CLIP-like pair of towers, formulas of Radford et al. 2021 as in Hugging Face's `CLIPModel`: input_ids and attention_mask [texts, sequence],
 * pixel_values [images, channels, size, size] → logits_per_image [images, texts], text_embeds [texts, projection], image_embeds
 * [images, projection]; embeddings have length 1.
 */
export function clipGraph(name: string, sizes: ClipSizes, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const { image_size: side, num_channels: channels } = sizes.vision;
  const inputIds = graph.input("input_ids", elementType.int64, ["text_batch_size", "sequence_length"]);
  const pixels = graph.input("pixel_values", elementType.float, ["image_batch_size", channels, side, side]);
  const attentionMask = graph.input("attention_mask", elementType.int64, ["text_batch_size", "sequence_length"]);
  const unit = (tower: TensorName, part: "text" | "visual", width: number): TensorName => {
    const layer = { name: `${part}_projection`, inputs: width, outputs: sizes.projection_dim };
    const projected = project(graph, tower, layer);
    return graph.op("Div", [projected, graph.op("ReduceL2", [projected, graph.ints([-1])], { keepdims: 1 })]);
  };
  const text = unit(textTower(graph, { inputIds, attentionMask }, sizes.text), "text", sizes.text.hidden_size);
  const image = unit(visionTower(graph, pixels, sizes.vision), "visual", sizes.vision.hidden_size);
  const scale = graph.op("Exp", [graph.floatTable("logit_scale", [], [sizes.logit_scale_init_value])]);
  const cosines = graph.op("MatMul", [image, graph.op("Transpose", [text], { perm: [1, 0] })]);
  const { projection_dim: size } = sizes;
  graph.output("logits_per_image", graph.op("Mul", [cosines, scale]), ["image_batch_size", "text_batch_size"]);
  graph.output("text_embeds", text, ["text_batch_size", size]);
  graph.output("image_embeds", image, ["image_batch_size", size]);
  return graph.build();
}

/** The state of each text's end token, the one with the highest identifier: [texts, width]. */
function textTower(
  graph: GraphBuilder,
  inputs: { readonly inputIds: TensorName; readonly attentionMask: TensorName },
  sizes: ClipTextSizes,
): TensorName {
  const { hidden_size: width, layer_norm_eps: epsilon } = sizes;
  const { inputIds } = inputs;
  const name = "text_model.embeddings";
  const words = embedding(graph, inputIds, { name: `${name}.token_embedding`, dims: [sizes.vocab_size, width] });
  const positionDims = [sizes.max_position_embeddings, width];
  const positions = graph.weight({ name: `${name}.position_embedding.weight`, dims: positionDims, kind: "embedding" });
  const hidden = graph.op("Add", [words, leadingRows(graph, positions, inputIds)]);
  const mask = graph.op("Add", [textCausalMask(graph, inputIds), paddingMask(graph, inputs.attentionMask)]);
  const encoded = encoder(graph, { hidden, mask }, { name: "text_model", sizes });
  const last = layerNorm(graph, encoded, { name: "text_model.final_layer_norm", width, epsilon });
  // Exports do so too: runtimes find the largest of 32-bit integers more often than of 64-bit ones.
  const narrow = graph.op("Cast", [inputIds], { to: elementType.int32 });
  const end = graph.op("ArgMax", [narrow], { axis: -1, keepdims: 1 });
  return graph.op("GatherND", [last, end], { batch_dims: 1 });
}

/** The state of each image's class token: [images, width]. */
function visionTower(graph: GraphBuilder, pixels: TensorName, sizes: ClipVisionSizes): TensorName {
  const { hidden_size: width, layer_norm_eps: epsilon } = sizes;
  const name = "vision_model.embeddings";
  const tokens = patchTokens(graph, pixels, {
    kernel: `${name}.patch_embedding`,
    kernelBias: false,
    classToken: { name: `${name}.class_embedding`, dims: [width] },
    width,
    imageSize: sizes.image_size,
    patchSize: sizes.patch_size,
    channels: sizes.num_channels,
  });
  const dims = [(sizes.image_size / sizes.patch_size) ** 2 + 1, width];
  const positions = graph.weight({ name: `${name}.position_embedding.weight`, dims, kind: "embedding" });
  // The name is misspelt in the published models.
  const first = layerNorm(graph, graph.op("Add", [tokens, positions]), {
    name: "vision_model.pre_layrnorm",
    width,
    epsilon,
  });
  const encoded = encoder(graph, { hidden: first }, { name: "vision_model", sizes });
  const classState = graph.op("Gather", [encoded, graph.int(0)], { axis: 1 });
  return layerNorm(graph, classState, { name: "vision_model.post_layernorm", width, epsilon });
}

/** Pre-norm blocks, as both towers have them. */
function encoder(
  graph: GraphBuilder,
  tensors: { readonly hidden: TensorName; readonly mask?: TensorName },
  tower: { readonly name: string; readonly sizes: ClipTowerSizes },
): TensorName {
  const { hidden_size: width, layer_norm_eps: epsilon, num_attention_heads: heads } = tower.sizes;
  let { hidden } = tensors;
  for (let index = 0; index < tower.sizes.num_hidden_layers; index += 1) {
    const name = `${tower.name}.encoder.layers.${index}`;
    const before = layerNorm(graph, hidden, { name: `${name}.layer_norm1`, width, epsilon });
    const mask = tensors.mask === undefined ? {} : { mask: tensors.mask };
    const layer = { name: `${name}.self_attn`, heads, width, keyBias: true };
    hidden = graph.op("Add", [hidden, projectedAttention(graph, { hidden: before, source: before, ...mask }, layer)]);
    const after = layerNorm(graph, hidden, { name: `${name}.layer_norm2`, width, epsilon });
    const inner = tower.sizes.intermediate_size;
    const activation = (x: TensorName): TensorName => quickGelu(graph, x);
    hidden = graph.op("Add", [hidden, feedForward(graph, after, { name: `${name}.mlp`, width, inner, activation })]);
  }
  return hidden;
}

/** `x · sigmoid(1.702 · x)`. */
function quickGelu(graph: GraphBuilder, x: TensorName): TensorName {
  return graph.op("Mul", [x, graph.op("Sigmoid", [graph.op("Mul", [x, graph.float(1.702)])])]);
}
