import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph, OnnxInitializer, OnnxNode } from "../onnx/onnx-model.ts";
import { floatBytes, floatValues } from "./tensor-bytes.ts";

/** Weights that share one scale in 4-bit matrices, along the summed dimension. */
const BLOCK_SIZE = 32;

/**
 * The graph with its matrices, tables and kernels as 8-bit integers, one scale for each channel: weight ≈ scale · integer, scale =
 * max|weight| / 127, without zero points. `DequantizeLinear` turns them into 32-bit floats again, so arithmetic stays as it was.
 */
export function withInt8Weights(graph: OnnxGraph): OnnxGraph {
  const axes = channelAxes(graph);
  const inputs = new Map([...axes.keys()].map((name) => [name, `${name}_dequantized`]));
  return {
    ...graph,
    nodes: [
      ...[...axes].map(([name, axis]) => dequantize(name, axis)),
      ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => inputs.get(name) ?? name) })),
    ],
    initializers: graph.initializers.flatMap((tensor) => {
      const axis = axes.get(tensor.name);
      return axis === undefined ? [tensor] : int8Channels(tensor, axis);
    }),
  };
}

/** By weight, the dimension whose members have a scale each: columns of matrices, output channels of kernels, rows of tables. */
function channelAxes(graph: OnnxGraph): Map<string, number> {
  const weights = new Set(graph.initializers.filter(isWeight).map(({ name }) => name));
  const axes = new Map<string, number>();
  for (const { opType, inputs } of graph.nodes) {
    const [first = "", second = ""] = inputs;
    if (opType === "Gather" && weights.has(first)) axes.set(first, 0);
    if (opType === "MatMul" && weights.has(second)) axes.set(second, 1);
    if (opType === "Conv" && weights.has(second)) axes.set(second, 0);
  }
  return axes;
}

/** Gains, biases and class tokens are too few to matter and stay as they are. */
function isWeight(tensor: OnnxInitializer): boolean {
  return tensor.elementType === elementType.float && tensor.dims.length >= 2;
}

function dequantize(name: string, axis: number): OnnxNode {
  return {
    name: `DequantizeLinear_${name}`,
    opType: "DequantizeLinear",
    inputs: [name, `${name}_scale`],
    outputs: [`${name}_dequantized`],
    attributes: { axis },
  };
}

function int8Channels(tensor: OnnxInitializer, axis: number): OnnxInitializer[] {
  const values = floatValues(tensor);
  const channels = tensor.dims[axis] ?? 1;
  const stride = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const channelOf = (index: number): number => Math.floor(index / stride) % channels;
  const largest = new Float32Array(channels);
  values.forEach((value, index) => {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] as number, Math.abs(value));
  });
  const scales = largest.map((value) => value / 127);
  const data = Int8Array.from(values, (value, index) => Math.round(value / (scales[channelOf(index)] as number)));
  return [
    { ...tensor, elementType: elementType.int8, data: new Uint8Array(data.buffer) },
    { name: `${tensor.name}_scale`, elementType: elementType.float, dims: [channels], data: floatBytes(scales) },
  ];
}

/**
 * The graph with its matrices in 4 bits, as `MatMulNBits` of ONNX Runtime's contributed operators: blocks of 32 weights that are summed
 * with each other share a scale, weight ≈ scale · (code − 8), two codes in a byte, the first in the lower half. Tables and kernels stay 32-bit.
 */
export function withQ4Matrices(graph: OnnxGraph): OnnxGraph {
  const matrices = new Map(graph.initializers.filter(isWeight).map((tensor) => [tensor.name, tensor]));
  const packed = new Map<string, OnnxInitializer[]>();
  const nodes = graph.nodes.map((node) => {
    const [x = "", name = ""] = node.inputs;
    const matrix = node.opType === "MatMul" ? matrices.get(name) : undefined;
    if (matrix === undefined) return node;
    packed.set(name, q4Blocks(matrix));
    const [rows = 0, columns = 0] = matrix.dims;
    return {
      ...node,
      opType: "MatMulNBits",
      domain: "com.microsoft",
      inputs: [x, `${name}_q4`, `${name}_scales`],
      attributes: { K: rows, N: columns, bits: 4, block_size: BLOCK_SIZE },
    };
  });
  return { ...graph, nodes, initializers: graph.initializers.flatMap((tensor) => packed.get(tensor.name) ?? [tensor]) };
}

function q4Blocks(tensor: OnnxInitializer): OnnxInitializer[] {
  const values = floatValues(tensor);
  const [rows = 0, columns = 0] = tensor.dims;
  const blocks = Math.ceil(rows / BLOCK_SIZE);
  const scales = new Float32Array(columns * blocks);
  const data = new Uint8Array(columns * blocks * (BLOCK_SIZE / 2));
  for (let block = 0; block < scales.length; block += 1) {
    const column = Math.floor(block / blocks);
    const firstRow = (block % blocks) * BLOCK_SIZE;
    const weights = Array.from({ length: BLOCK_SIZE }, (_, at) => values[(firstRow + at) * columns + column] ?? 0);
    const scale = q4Scale(weights);
    scales[block] = scale;
    weights.forEach((weight, at) => {
      const code = Math.min(15, Math.max(0, Math.round(weight / scale) + 8));
      const place = block * (BLOCK_SIZE / 2) + Math.floor(at / 2);
      data[place] = (data[place] as number) | (code << (4 * (at % 2)));
    });
  }
  const { name } = tensor;
  const packedDims = [columns, blocks, BLOCK_SIZE / 2];
  return [
    { name: `${name}_q4`, elementType: elementType.uint8, dims: packedDims, data },
    { name: `${name}_scales`, elementType: elementType.float, dims: [columns, blocks], data: floatBytes(scales) },
  ];
}

/** The codes reach from −8 to 7: the weight farthest from zero, whatever its sign, becomes −8, as in ONNX Runtime's quantizer. */
function q4Scale(weights: readonly number[]): number {
  const farthest = weights.reduce((best, weight) => (Math.abs(weight) > Math.abs(best) ? weight : best), 0);
  return Math.fround(farthest / -8) || 1;
}
