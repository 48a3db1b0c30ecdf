import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { attention, layerNorm, linear, splitHeads } from "./layers.ts";

/** The sizes of a ViT-like image classifier, under the names of its `config.json`. */
export interface VitSizes {
  readonly image_size: number;
  readonly patch_size: number;
  readonly num_channels: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly layer_norm_eps: number;
}

/**
 * A ViT-like classifier: pixel_values [batch, channels, size, size] → logits [batch, classes]. Normalization before each part;
 * the class token's last state is classified.
 */
export function vitGraph(name: string, sizes: VitSizes & { readonly classes: number }, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const width = sizes.hidden_size;
  const epsilon = sizes.layer_norm_eps;
  const pixels = graph.input("pixel_values", elementType.float, [
    "batch_size",
    sizes.num_channels,
    sizes.image_size,
    sizes.image_size,
  ]);
  let hidden = patchEmbeddings(graph, pixels, sizes);
  for (let index = 0; index < sizes.num_hidden_layers; index += 1) {
    hidden = encoderLayer(graph, { hidden, name: `encoder.layer.${index}` }, sizes);
  }
  const normed = layerNorm(graph, hidden, { name: "layernorm", width, epsilon });
  const classState = graph.op("Gather", [normed, graph.int(0)], { axis: 1 });
  const logits = linear(graph, classState, { name: "classifier", inputs: width, outputs: sizes.classes });
  graph.output("logits", logits, ["batch_size", sizes.classes]);
  return graph.build();
}

function patchEmbeddings(graph: GraphBuilder, pixels: TensorName, sizes: VitSizes): TensorName {
  const width = sizes.hidden_size;
  const patch = sizes.patch_size;
  const patchDims = [width, sizes.num_channels, patch, patch];
  const patches = (sizes.image_size / patch) ** 2;
  const name = "embeddings.patch_embeddings.projection";
  const fanIn = sizes.num_channels * patch * patch;
  const kernel = graph.weight({ name: `${name}.weight`, dims: patchDims, kind: "matrix", fanIn });
  const bias = graph.weight({ name: `${name}.bias`, dims: [width], kind: "bias" });
  const grid = graph.op("Conv", [pixels, kernel, bias], { kernel_shape: [patch, patch], strides: [patch, patch] });
  const rows = graph.op("Transpose", [graph.op("Reshape", [grid, graph.ints([0, width, patches])])], {
    perm: [0, 2, 1],
  });
  const classToken = graph.weight({ name: "embeddings.cls_token", dims: [1, 1, width], kind: "embedding" });
  const batch = graph.op("Slice", [graph.op("Shape", [pixels]), graph.ints([0]), graph.ints([1])]);
  const classShape = graph.op("Concat", [batch, graph.ints([1, width])], { axis: 0 });
  const tokens = graph.op("Concat", [graph.op("Expand", [classToken, classShape]), rows], { axis: 1 });
  const positionDims = [1, patches + 1, width];
  const positions = graph.weight({ name: "embeddings.position_embeddings", dims: positionDims, kind: "embedding" });
  return graph.op("Add", [tokens, positions]);
}

function encoderLayer(
  graph: GraphBuilder,
  layer: { readonly hidden: TensorName; readonly name: string },
  sizes: VitSizes,
): TensorName {
  const width = sizes.hidden_size;
  const inner = sizes.intermediate_size;
  const epsilon = sizes.layer_norm_eps;
  const shape = { heads: sizes.num_attention_heads, width };
  const before = layerNorm(graph, layer.hidden, { name: `${layer.name}.layernorm_before`, width, epsilon });
  const projection = (part: string): TensorName =>
    splitHeads(
      graph,
      linear(graph, before, { name: `${layer.name}.attention.attention.${part}`, inputs: width, outputs: width }),
      shape,
    );
  const context = attention(
    graph,
    { query: projection("query"), key: projection("key"), value: projection("value") },
    shape,
  );
  const attended = linear(graph, context, {
    name: `${layer.name}.attention.output.dense`,
    inputs: width,
    outputs: width,
  });
  const sum = graph.op("Add", [layer.hidden, attended]);
  const after = layerNorm(graph, sum, { name: `${layer.name}.layernorm_after`, width, epsilon });
  const wide = linear(graph, after, { name: `${layer.name}.intermediate.dense`, inputs: width, outputs: inner });
  const activated = graph.op("Gelu", [wide]);
  const narrow = linear(graph, activated, { name: `${layer.name}.output.dense`, inputs: inner, outputs: width });
  return graph.op("Add", [sum, narrow]);
}
