import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { attention, layerNorm, linear, splitHeads } from "./layers.ts";
import { patchTokens } from "./patch-tokens.ts";

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
  const tokens = patchTokens(graph, pixels, {
    kernel: "embeddings.patch_embeddings.projection",
    kernelBias: true,
    classToken: { name: "embeddings.cls_token", dims: [1, 1, width] },
    width,
    imageSize: sizes.image_size,
    patchSize: sizes.patch_size,
    channels: sizes.num_channels,
  });
  const dims = [1, (sizes.image_size / sizes.patch_size) ** 2 + 1, width];
  const positions = graph.weight({ name: "embeddings.position_embeddings", dims, kind: "embedding" });
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
