import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { attention, embedding, paddingMask, project, sizeOf, splitHeads, textCausalMask } from "./layers.ts";

/** The sizes of a T5-like encoder-decoder, under the names of its `config.json`. */
export interface T5Sizes {
  readonly vocab_size: number;
  readonly d_model: number;
  readonly d_kv: number;
  readonly d_ff: number;
  readonly num_layers: number;
  readonly num_decoder_layers: number;
  readonly num_heads: number;
  readonly relative_attention_num_buckets: number;
  readonly relative_attention_max_distance: number;
  readonly layer_norm_epsilon: number;
}

/** What the tokens of one stack see. */
interface Stack {
  readonly name: "encoder" | "decoder";
  readonly hidden: TensorName;
  readonly layers: number;
  /** Added to the scores of self-attention: position bias and mask. */
  readonly selfBias: TensorName;
  /** The encoder's output and its mask; only for the decoder. */
  readonly memory?: { readonly hidden: TensorName; readonly mask: TensorName };
}

/**
 * A T5-like encoder-decoder, formulas of Raffel et al. 2020 as in Hugging Face's `T5ForConditionalGeneration`: input_ids and attention_mask
 * [batch, source], decoder_input_ids [batch, target] → logits [batch, target, vocabulary]. Normalization without mean before each
 * part, no scaling of attention scores, relative positions shared from the first layer, one table for both texts and the output.
 */
export function t5Graph(name: string, sizes: T5Sizes, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const source = ["batch_size", "encoder_sequence_length"];
  const target = ["batch_size", "decoder_sequence_length"];
  const inputIds = graph.input("input_ids", elementType.int64, source);
  const attentionMask = graph.input("attention_mask", elementType.int64, source);
  const decoderInputIds = graph.input("decoder_input_ids", elementType.int64, target);
  const mask = paddingMask(graph, attentionMask);
  const table = { name: "shared", dims: [sizes.vocab_size, sizes.d_model] } as const;
  const encoded = stack(graph, sizes, {
    name: "encoder",
    hidden: embedding(graph, inputIds, table),
    layers: sizes.num_layers,
    selfBias: graph.op("Add", [positionBias(graph, sizes, { name: "encoder", ids: inputIds }), mask]),
  });
  const decoderPositions = positionBias(graph, sizes, { name: "decoder", ids: decoderInputIds });
  const decoded = stack(graph, sizes, {
    name: "decoder",
    hidden: embedding(graph, decoderInputIds, table),
    layers: sizes.num_decoder_layers,
    selfBias: graph.op("Add", [decoderPositions, textCausalMask(graph, decoderInputIds)]),
    memory: { hidden: encoded, mask },
  });
  const scaled = graph.op("Mul", [decoded, graph.float(1 / Math.sqrt(sizes.d_model))]);
  const head = graph.op("Transpose", ["shared.weight"], { perm: [1, 0] });
  graph.output("logits", graph.op("MatMul", [scaled, head]), [...target, sizes.vocab_size]);
  return graph.build();
}

function stack(graph: GraphBuilder, sizes: T5Sizes, parts: Stack): TensorName {
  let { hidden } = parts;
  const add = (name: string, part: (normed: TensorName) => TensorName): void => {
    hidden = graph.op("Add", [hidden, part(rmsNorm(graph, hidden, { name: `${name}.layer_norm`, sizes }))]);
  };
  for (let index = 0; index < parts.layers; index += 1) {
    const block = `${parts.name}.block.${index}`;
    add(`${block}.layer.0`, (normed) => {
      const name = `${block}.layer.0.SelfAttention`;
      return t5Attention(graph, { hidden: normed, source: normed, bias: parts.selfBias }, { name, sizes });
    });
    const { memory } = parts;
    if (memory !== undefined) {
      add(`${block}.layer.1`, (normed) => {
        const name = `${block}.layer.1.EncDecAttention`;
        return t5Attention(graph, { hidden: normed, source: memory.hidden, bias: memory.mask }, { name, sizes });
      });
    }
    const last = `${block}.layer.${memory === undefined ? 1 : 2}`;
    add(last, (normed) => {
      const name = `${last}.DenseReluDense`;
      const wide = project(graph, normed, { name: `${name}.wi`, inputs: sizes.d_model, outputs: sizes.d_ff });
      const active = graph.op("Relu", [wide]);
      return project(graph, active, { name: `${name}.wo`, inputs: sizes.d_ff, outputs: sizes.d_model });
    });
  }
  return rmsNorm(graph, hidden, { name: `${parts.name}.final_layer_norm`, sizes });
}

function t5Attention(
  graph: GraphBuilder,
  tensors: { readonly hidden: TensorName; readonly source: TensorName; readonly bias: TensorName },
  layer: { readonly name: string; readonly sizes: T5Sizes },
): TensorName {
  const { d_model: width, d_kv: size, num_heads: heads } = layer.sizes;
  const inner = heads * size;
  const shape = { heads, width: inner, unscaled: true } as const;
  const part = (name: string, x: TensorName, fanIn: number): TensorName =>
    splitHeads(
      graph,
      project(graph, x, { name: `${layer.name}.${name}`, inputs: width, outputs: inner, fanIn }),
      shape,
    );
  // Smaller queries stand for the missing division by √size, as in T5's own initialization.
  const query = part("q", tensors.hidden, width * size);
  const key = part("k", tensors.source, width);
  const value = part("v", tensors.source, width);
  const context = attention(graph, { query, key, value, mask: tensors.bias }, shape);
  return project(graph, context, { name: `${layer.name}.o`, inputs: inner, outputs: width });
}

/** `x / √(mean(x²) + ε) · gain`. */
function rmsNorm(
  graph: GraphBuilder,
  x: TensorName,
  layer: { readonly name: string; readonly sizes: T5Sizes },
): TensorName {
  const gain = graph.weight({ name: `${layer.name}.weight`, dims: [layer.sizes.d_model], kind: "gain" });
  const meanSquare = graph.op("ReduceMean", [graph.op("Mul", [x, x]), graph.ints([-1])], { keepdims: 1 });
  const root = graph.op("Sqrt", [graph.op("Add", [meanSquare, graph.float(layer.sizes.layer_norm_epsilon)])]);
  return graph.op("Mul", [graph.op("Div", [x, root]), gain]);
}

/** What the distance between two tokens adds to their score: [1, heads, length, length]. */
function positionBias(
  graph: GraphBuilder,
  sizes: T5Sizes,
  stackOf: { readonly name: Stack["name"]; readonly ids: TensorName },
): TensorName {
  const farthest = sizes.relative_attention_max_distance;
  const buckets = relativePositionBuckets(sizes, stackOf.name === "encoder");
  const table = graph.intTable(`${stackOf.name}.relative_position_buckets`, [buckets.length], buckets);
  const positions = graph.op("Range", [graph.int(0), sizeOf(graph, stackOf.ids, 1), graph.int(1)]);
  const keys = graph.op("Unsqueeze", [positions, graph.ints([0])]);
  const queries = graph.op("Unsqueeze", [positions, graph.ints([1])]);
  const offsets = graph.op("Clip", [graph.op("Sub", [keys, queries]), graph.int(-farthest), graph.int(farthest)]);
  const rows = graph.op("Add", [offsets, graph.int(farthest)]);
  const bucketOf = graph.op("Gather", [table, rows], { axis: 0 });
  const biases = embedding(graph, bucketOf, {
    name: `${stackOf.name}.block.0.layer.0.SelfAttention.relative_attention_bias`,
    dims: [sizes.relative_attention_num_buckets, sizes.num_heads],
  });
  return graph.op("Unsqueeze", [graph.op("Transpose", [biases], { perm: [2, 0, 1] }), graph.ints([0])]);
}

/**
 * The bucket of each offset key − query from −max_distance to max_distance; farther ones are in the last. Half of the buckets are for
 * single offsets, the rest grow logarithmically. A table instead of the logarithm in the graph, which exporters write: a runtime whose logarithm
 * rounds down at a power of two would take another bucket.
 */
export function relativePositionBuckets(
  sizes: Pick<T5Sizes, "relative_attention_num_buckets" | "relative_attention_max_distance">,
  bothDirections: boolean,
): number[] {
  const farthest = sizes.relative_attention_max_distance;
  const perDirection = sizes.relative_attention_num_buckets / (bothDirections ? 2 : 1);
  const single = perDirection / 2;
  const growing = perDirection - single;
  // ⌊ln(d / single) / ln(farthest / single) · growing⌋ ≥ step, without logarithms.
  const steps = (distance: number): number => {
    let step = 0;
    while (step < growing - 1 && (farthest / single) ** (step + 1) <= (distance / single) ** growing) step += 1;
    return step;
  };
  const bucket = (distance: number): number => (distance < single ? distance : single + steps(distance));
  return Array.from({ length: 2 * farthest + 1 }, (_, row) => {
    const offset = row - farthest;
    if (bothDirections) return (offset > 0 ? perDirection : 0) + bucket(Math.abs(offset));
    return bucket(Math.max(0, -offset));
  });
}
