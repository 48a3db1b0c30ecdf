import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { attention, layerNorm, lengthOf, linear, paddingMask, splitHeads } from "./layers.ts";

/** The sizes of a BERT-like encoder, under the names of its `config.json`. */
export interface BertSizes {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly layer_norm_eps: number;
}

/**
 * A BERT-like encoder: input_ids, attention_mask and token_type_ids [batch, sequence] → last_hidden_state
 * [batch, sequence, hidden]. Normalization after each residual sum; Gelu in its exact form.
 */
export function bertGraph(name: string, sizes: BertSizes, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const dims = ["batch_size", "sequence_length"];
  const inputIds = graph.input("input_ids", elementType.int64, dims);
  const attentionMask = graph.input("attention_mask", elementType.int64, dims);
  const tokenTypeIds = graph.input("token_type_ids", elementType.int64, dims);
  const mask = paddingMask(graph, attentionMask);
  let hidden = embeddings(graph, sizes, { inputIds, tokenTypeIds });
  for (let index = 0; index < sizes.num_hidden_layers; index += 1) {
    hidden = encoderLayer(graph, { hidden, mask, name: `encoder.layer.${index}` }, sizes);
  }
  graph.output("last_hidden_state", hidden, [...dims, sizes.hidden_size]);
  return graph.build();
}

function embeddings(
  graph: GraphBuilder,
  sizes: BertSizes,
  ids: { readonly inputIds: TensorName; readonly tokenTypeIds: TensorName },
): TensorName {
  const width = sizes.hidden_size;
  const table = (name: string, rows: number): TensorName =>
    graph.weight({ name: `embeddings.${name}.weight`, dims: [rows, width], kind: "embedding" });
  const words = graph.op("Gather", [table("word_embeddings", sizes.vocab_size), ids.inputIds], { axis: 0 });
  const types = graph.op("Gather", [table("token_type_embeddings", sizes.type_vocab_size), ids.tokenTypeIds], {
    axis: 0,
  });
  const length = lengthOf(graph, ids.inputIds);
  const positionTable = table("position_embeddings", sizes.max_position_embeddings);
  const positions = graph.op("Slice", [positionTable, graph.ints([0]), length, graph.ints([0])]);
  const sum = graph.op("Add", [graph.op("Add", [words, types]), positions]);
  return layerNorm(graph, sum, { name: "embeddings.LayerNorm", width, epsilon: sizes.layer_norm_eps });
}

function encoderLayer(
  graph: GraphBuilder,
  layer: { readonly hidden: TensorName; readonly mask: TensorName; readonly name: string },
  sizes: BertSizes,
): TensorName {
  const width = sizes.hidden_size;
  const inner = sizes.intermediate_size;
  const epsilon = sizes.layer_norm_eps;
  const shape = { heads: sizes.num_attention_heads, width };
  const projection = (part: string): TensorName =>
    splitHeads(
      graph,
      linear(graph, layer.hidden, { name: `${layer.name}.attention.self.${part}`, inputs: width, outputs: width }),
      shape,
    );
  const context = attention(
    graph,
    { query: projection("query"), key: projection("key"), value: projection("value"), mask: layer.mask },
    shape,
  );
  const attended = linear(graph, context, {
    name: `${layer.name}.attention.output.dense`,
    inputs: width,
    outputs: width,
  });
  const afterAttention = layerNorm(graph, graph.op("Add", [layer.hidden, attended]), {
    name: `${layer.name}.attention.output.LayerNorm`,
    width,
    epsilon,
  });
  const wide = linear(graph, afterAttention, {
    name: `${layer.name}.intermediate.dense`,
    inputs: width,
    outputs: inner,
  });
  const narrow = linear(graph, graph.op("Gelu", [wide]), {
    name: `${layer.name}.output.dense`,
    inputs: inner,
    outputs: width,
  });
  const sum = graph.op("Add", [afterAttention, narrow]);
  return layerNorm(graph, sum, { name: `${layer.name}.output.LayerNorm`, width, epsilon });
}
