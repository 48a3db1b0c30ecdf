import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { attention, causalMask, layerNorm, linear, paddingMask, sizeOf, splitHeads } from "./layers.ts";

/** The sizes of a GPT-2-like decoder, under the names of its `config.json`. */
export interface Gpt2Sizes {
  readonly vocab_size: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_inner: number;
  readonly n_positions: number;
  readonly layer_norm_epsilon: number;
}

interface Cache {
  readonly key: TensorName;
  readonly value: TensorName;
}

/**
 * A GPT-2-like decoder with a key-value cache: input_ids and position_ids [batch, sequence], attention_mask [batch, past + sequence],
 * past_key_values.N.key/value [batch, heads, past, size] → logits [batch, sequence, vocabulary] and present.N.key/value.
 * Normalization before each part; Gelu in GPT-2's tanh form, spelled out as exporters do.
 */
export function gpt2Graph(name: string, sizes: Gpt2Sizes, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const tokens = ["batch_size", "sequence_length"];
  const inputIds = graph.input("input_ids", elementType.int64, tokens);
  const attentionMask = graph.input("attention_mask", elementType.int64, ["batch_size", "total_sequence_length"]);
  const positionIds = graph.input("position_ids", elementType.int64, tokens);
  const pasts = Array.from({ length: sizes.n_layer }, (_, index) => pastInputs(graph, sizes, index));
  const first = pasts[0];
  if (first === undefined) throw new Error("a decoder has at least one layer");
  const lengths = { past: sizeOf(graph, first.key, 2), total: sizeOf(graph, attentionMask, 1) };
  const mask = graph.op("Add", [causalMask(graph, lengths), paddingMask(graph, attentionMask)]);
  let hidden = embeddings(graph, sizes, { inputIds, positionIds });
  const presents = pasts.map((past, index) => {
    const attended = attentionBlock(graph, { hidden, mask, past, index }, sizes);
    hidden = feedForwardBlock(graph, { hidden: attended.hidden, name: `h.${index}` }, sizes);
    return attended.present;
  });
  const last = layerNorm(graph, hidden, { name: "ln_f", width: sizes.n_embd, epsilon: sizes.layer_norm_epsilon });
  const head = graph.weight({
    name: "lm_head.weight",
    dims: [sizes.n_embd, sizes.vocab_size],
    kind: "matrix",
    fanIn: sizes.n_embd,
  });
  graph.output("logits", graph.op("MatMul", [last, head]), [...tokens, sizes.vocab_size]);
  presents.forEach((present, index) => {
    const dims = ["batch_size", sizes.n_head, "total_sequence_length", sizes.n_embd / sizes.n_head];
    graph.output(`present.${index}.key`, present.key, dims);
    graph.output(`present.${index}.value`, present.value, dims);
  });
  return graph.build();
}

function pastInputs(graph: GraphBuilder, sizes: Gpt2Sizes, index: number): Cache {
  const dims = ["batch_size", sizes.n_head, "past_sequence_length", sizes.n_embd / sizes.n_head];
  return {
    key: graph.input(`past_key_values.${index}.key`, elementType.float, dims),
    value: graph.input(`past_key_values.${index}.value`, elementType.float, dims),
  };
}

function embeddings(
  graph: GraphBuilder,
  sizes: Gpt2Sizes,
  ids: { readonly inputIds: TensorName; readonly positionIds: TensorName },
): TensorName {
  const width = sizes.n_embd;
  const words = graph.weight({ name: "wte.weight", dims: [sizes.vocab_size, width], kind: "embedding" });
  const positions = graph.weight({ name: "wpe.weight", dims: [sizes.n_positions, width], kind: "embedding" });
  const wordRows = graph.op("Gather", [words, ids.inputIds], { axis: 0 });
  return graph.op("Add", [wordRows, graph.op("Gather", [positions, ids.positionIds], { axis: 0 })]);
}

function attentionBlock(
  graph: GraphBuilder,
  block: { readonly hidden: TensorName; readonly mask: TensorName; readonly past: Cache; readonly index: number },
  sizes: Gpt2Sizes,
): { hidden: TensorName; present: Cache } {
  const width = sizes.n_embd;
  const shape = { heads: sizes.n_head, width };
  const name = `h.${block.index}`;
  const normed = layerNorm(graph, block.hidden, { name: `${name}.ln_1`, width, epsilon: sizes.layer_norm_epsilon });
  const fused = linear(graph, normed, { name: `${name}.attn.c_attn`, inputs: width, outputs: 3 * width });
  const [query = "", key = "", value = ""] = graph
    .split("Split", [fused, graph.ints([width, width, width])], { attributes: { axis: -1 }, outputs: 3 })
    .map((part) => splitHeads(graph, part, shape));
  const present = {
    key: graph.op("Concat", [block.past.key, key], { axis: 2 }),
    value: graph.op("Concat", [block.past.value, value], { axis: 2 }),
  };
  const context = attention(graph, { query, ...present, mask: block.mask }, shape);
  const projected = linear(graph, context, { name: `${name}.attn.c_proj`, inputs: width, outputs: width });
  return { hidden: graph.op("Add", [block.hidden, projected]), present };
}

function feedForwardBlock(
  graph: GraphBuilder,
  block: { readonly hidden: TensorName; readonly name: string },
  sizes: Gpt2Sizes,
): TensorName {
  const width = sizes.n_embd;
  const name = `${block.name}.mlp`;
  const epsilon = sizes.layer_norm_epsilon;
  const normed = layerNorm(graph, block.hidden, { name: `${block.name}.ln_2`, width, epsilon });
  const wide = linear(graph, normed, { name: `${name}.c_fc`, inputs: width, outputs: sizes.n_inner });
  const narrow = linear(graph, geluTanh(graph, wide), {
    name: `${name}.c_proj`,
    inputs: sizes.n_inner,
    outputs: width,
  });
  return graph.op("Add", [block.hidden, narrow]);
}

/** GPT-2's Gelu: 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
function geluTanh(graph: GraphBuilder, x: TensorName): TensorName {
  const cube = graph.op("Mul", [graph.op("Mul", [x, x]), x]);
  const inner = graph.op("Add", [x, graph.op("Mul", [cube, graph.float(0.044715)])]);
  const tanh = graph.op("Tanh", [graph.op("Mul", [inner, graph.float(Math.sqrt(2 / Math.PI))])]);
  const half = graph.op("Mul", [x, graph.float(0.5)]);
  return graph.op("Mul", [half, graph.op("Add", [tanh, graph.float(1)])]);
}
