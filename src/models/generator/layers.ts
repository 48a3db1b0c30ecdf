import type { GraphBuilder, TensorName } from "./graph-builder.ts";

/** Large enough that softmax gives zero, small enough for 16-bit floats. */
const MASKED = -10_000;

/** `x · W + b`, on the last axis. */
export function linear(
  graph: GraphBuilder,
  x: TensorName,
  layer: { readonly name: string; readonly inputs: number; readonly outputs: number },
): TensorName {
  const dims = [layer.inputs, layer.outputs];
  const weight = graph.weight({ name: `${layer.name}.weight`, dims, kind: "matrix", fanIn: layer.inputs });
  const bias = graph.weight({ name: `${layer.name}.bias`, dims: [layer.outputs], kind: "bias" });
  return graph.op("Add", [graph.op("MatMul", [x, weight]), bias]);
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
 * given, is added to the scores.
 */
export function attention(
  graph: GraphBuilder,
  tensors: {
    readonly query: TensorName;
    readonly key: TensorName;
    readonly value: TensorName;
    readonly mask?: TensorName;
  },
  shape: { readonly heads: number; readonly width: number },
): TensorName {
  const keyTransposed = graph.op("Transpose", [tensors.key], { perm: [0, 1, 3, 2] });
  const products = graph.op("MatMul", [tensors.query, keyTransposed]);
  const scale = graph.float(1 / Math.sqrt(shape.width / shape.heads));
  const scaled = graph.op("Mul", [products, scale]);
  const scores = tensors.mask === undefined ? scaled : graph.op("Add", [scaled, tensors.mask]);
  const weights = graph.op("Softmax", [scores], { axis: -1 });
  const context = graph.op("Transpose", [graph.op("MatMul", [weights, tensors.value])], { perm: [0, 2, 1, 3] });
  return graph.op("Reshape", [context, graph.ints([0, 0, shape.width])]);
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

/** One size of a tensor at run time, as an integer without dimensions. */
export function sizeOf(graph: GraphBuilder, tensor: TensorName, axis: number): TensorName {
  return graph.op("Gather", [graph.op("Shape", [tensor]), graph.int(axis)], { axis: 0 });
}
