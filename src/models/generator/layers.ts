import type { GraphBuilder, TensorName } from "./graph-builder.ts";

/** Large enough that softmax gives zero, small enough for 16-bit floats. */
const MASKED = -10_000;

interface LinearLayer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
}

/** `x · W + b`, on the last axis. */
export function linear(graph: GraphBuilder, x: TensorName, layer: LinearLayer): TensorName {
  const product = project(graph, x, layer);
  const bias = graph.weight({ name: `${layer.name}.bias`, dims: [layer.outputs], kind: "bias" });
  return graph.op("Add", [product, bias]);
}

/** `x · W`, on the last axis. `fanIn`, where given, makes the weights smaller than `inputs` alone would. */
export function project(
  graph: GraphBuilder,
  x: TensorName,
  layer: LinearLayer & { readonly fanIn?: number },
): TensorName {
  const { name, inputs, outputs, fanIn = inputs } = layer;
  return graph.op("MatMul", [
    x,
    graph.weight({ name: `${name}.weight`, dims: [inputs, outputs], kind: "matrix", fanIn }),
  ]);
}

/** The rows of a stored table that the identifiers name. */
export function embedding(
  graph: GraphBuilder,
  ids: TensorName,
  table: { readonly name: string; readonly dims: readonly [rows: number, width: number] },
): TensorName {
  const rows = graph.weight({ name: `${table.name}.weight`, dims: table.dims, kind: "embedding" });
  return graph.op("Gather", [rows, ids], { axis: 0 });
}

/** Layer normalization on the last axis. */
export function layerNorm(
  graph: GraphBuilder,
  x: TensorName,
  layer: { readonly name: string; readonly width: number; readonly epsilon: number },
): TensorName {
  const gain = graph.weight({ name: `${layer.name}.weight`, dims: [layer.width], kind: "gain" });
  const bias = graph.weight({ name: `${layer.name}.bias`, dims: [layer.width], kind: "bias" });
  return graph.op("LayerNormalization", [x, gain, bias], { axis: -1, epsilon: { float: layer.epsilon } });
}

/** [batch, sequence, width] → [batch, heads, sequence, width / heads]. */
export function splitHeads(
  graph: GraphBuilder,
  x: TensorName,
  shape: { readonly heads: number; readonly width: number },
): TensorName {
  const split = graph.op("Reshape", [x, graph.ints([0, 0, shape.heads, shape.width / shape.heads])]);
  return graph.op("Transpose", [split], { perm: [0, 2, 1, 3] });
}

/**
 * Scaled dot-product attention over [batch, heads, sequence, size] tensors, back to [batch, sequence, width]. `mask`, where
 * given, is added to the scores. `unscaled` leaves out the division by √size, as T5 does.
 */
export function attention(
  graph: GraphBuilder,
  tensors: {
    readonly query: TensorName;
    readonly key: TensorName;
    readonly value: TensorName;
    readonly mask?: TensorName;
  },
  shape: { readonly heads: number; readonly width: number; readonly unscaled?: true },
): TensorName {
  const keyTransposed = graph.op("Transpose", [tensors.key], { perm: [0, 1, 3, 2] });
  const products = graph.op("MatMul", [tensors.query, keyTransposed]);
  const scaled =
    shape.unscaled === true
      ? products
      : graph.op("Mul", [products, graph.float(1 / Math.sqrt(shape.width / shape.heads))]);
  const scores = tensors.mask === undefined ? scaled : graph.op("Add", [scaled, tensors.mask]);
  const weights = graph.op("Softmax", [scores], { axis: -1 });
  const context = graph.op("Transpose", [graph.op("MatMul", [weights, tensors.value])], { perm: [0, 2, 1, 3] });
  return graph.op("Reshape", [context, graph.ints([0, 0, shape.width])]);
}

/**
 * Attention with its projections under the names `q_proj`, `k_proj`, `v_proj` and `out_proj`: tokens of `hidden` look at those of
 * `source`, both [batch, sequence, width].
 */
export function projectedAttention(
  graph: GraphBuilder,
  tensors: { readonly hidden: TensorName; readonly source: TensorName; readonly mask?: TensorName },
  layer: { readonly name: string; readonly heads: number; readonly width: number; readonly keyBias: boolean },
): TensorName {
  const part = (name: string): LinearLayer => ({
    name: `${layer.name}.${name}`,
    inputs: layer.width,
    outputs: layer.width,
  });
  const query = linear(graph, tensors.hidden, part("q_proj"));
  const key = (layer.keyBias ? linear : project)(graph, tensors.source, part("k_proj"));
  const value = linear(graph, tensors.source, part("v_proj"));
  const [queryHeads = "", keyHeads = "", valueHeads = ""] = [query, key, value].map((x) => splitHeads(graph, x, layer));
  const mask = tensors.mask === undefined ? {} : { mask: tensors.mask };
  const context = attention(graph, { query: queryHeads, key: keyHeads, value: valueHeads, ...mask }, layer);
  return linear(graph, context, part("out_proj"));
}

/** `fc2(activation(fc1(x)))`. */
export function feedForward(
  graph: GraphBuilder,
  x: TensorName,
  layer: {
    readonly name: string;
    readonly width: number;
    readonly inner: number;
    readonly activation: (x: TensorName) => TensorName;
  },
): TensorName {
  const wide = linear(graph, x, { name: `${layer.name}.fc1`, inputs: layer.width, outputs: layer.inner });
  const activated = layer.activation(wide);
  return linear(graph, activated, { name: `${layer.name}.fc2`, inputs: layer.inner, outputs: layer.width });
}

/** What to add to scores so that padding is ignored: [batch, sequence] of 0 and 1 → [batch, 1, 1, sequence]. */
export function paddingMask(graph: GraphBuilder, attentionMask: TensorName): TensorName {
  const present = graph.op("Cast", [graph.op("Unsqueeze", [attentionMask, graph.ints([1, 2])])], { to: 1 });
  const absent = graph.op("Sub", [graph.float(1), present]);
  return graph.op("Mul", [absent, graph.float(MASKED)]);
}

/** What to add to scores so that positions see only themselves and earlier ones: [1, 1, total − past, total]. */
export function causalMask(
  graph: GraphBuilder,
  lengths: { readonly past: TensorName; readonly total: TensorName },
): TensorName {
  const one = graph.int(1);
  const queries = graph.op("Range", [lengths.past, lengths.total, one]);
  const keys = graph.op("Range", [graph.int(0), lengths.total, one]);
  const queryColumn = graph.op("Unsqueeze", [queries, graph.ints([0, 1, 3])]);
  const keyRow = graph.op("Unsqueeze", [keys, graph.ints([0, 1, 2])]);
  const visible = graph.op("LessOrEqual", [keyRow, queryColumn]);
  return graph.op("Where", [visible, graph.float(0), graph.float(MASKED)]);
}

/** What to add to the scores of a text without a past: each token sees itself and the earlier ones, [1, 1, length, length]. */
export function textCausalMask(graph: GraphBuilder, ids: TensorName): TensorName {
  return causalMask(graph, { past: graph.int(0), total: sizeOf(graph, ids, 1) });
}

/** The first rows of a table, as many as there are tokens: the positions of [batch, sequence] identifiers or [batch, sequence, …]. */
export function leadingRows(graph: GraphBuilder, table: TensorName, tokens: TensorName): TensorName {
  return graph.op("Slice", [table, graph.ints([0]), lengthOf(graph, tokens), graph.ints([0])]);
}

/** The sequence length of a [batch, sequence, …] tensor at run time, as a list of one. */
export function lengthOf(graph: GraphBuilder, tokens: TensorName): TensorName {
  return graph.op("Slice", [graph.op("Shape", [tokens]), graph.ints([1]), graph.ints([2])]);
}

/** One size of a tensor at run time, as an integer without dimensions. */
export function sizeOf(graph: GraphBuilder, tensor: TensorName, axis: number): TensorName {
  return graph.op("Gather", [graph.op("Shape", [tensor]), graph.int(axis)], { axis: 0 });
}
