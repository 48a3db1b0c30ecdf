import { elementType } from "../onnx/onnx-model.ts";
import type { Dimension, OnnxAttribute, OnnxGraph, OnnxInitializer, OnnxNode, OnnxValue } from "../onnx/onnx-model.ts";
import { seededWeight } from "./seeded-weight.ts";
import type { WeightShape } from "./seeded-weight.ts";
import { floatBytes } from "./tensor-bytes.ts";

/** The name of a tensor in the graph under construction. */
export type TensorName = string;

/** Collects the nodes and weights of one graph. Names are counters, so the same calls give the same file. */
export class GraphBuilder {
  private readonly graphName: string;
  private readonly seed: number;
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, OnnxInitializer>();
  private readonly inputs: OnnxValue[] = [];
  private readonly outputs: OnnxValue[] = [];

  constructor(graphName: string, seed: number) {
    this.graphName = graphName;
    this.seed = seed;
  }

  input(name: string, type: number, dims: readonly Dimension[]): TensorName {
    this.inputs.push({ name, elementType: type, dims });
    return name;
  }

  /** Gives a tensor its public name. All outputs are 32-bit floats. */
  output(name: string, tensor: TensorName, dims: readonly Dimension[]): void {
    this.nodes.push({
      name: `Identity_${name}`,
      opType: "Identity",
      inputs: [tensor],
      outputs: [name],
      attributes: {},
    });
    this.outputs.push({ name, elementType: elementType.float, dims });
  }

  weight(shape: WeightShape): TensorName {
    const data = seededWeight(shape, this.seed);
    this.initializers.set(shape.name, { name: shape.name, elementType: elementType.float, dims: shape.dims, data });
    return shape.name;
  }

  /** A stored table of floats that is computed, not seeded. */
  floatTable(name: string, dims: readonly number[], values: readonly number[]): TensorName {
    this.initializers.set(name, { name, elementType: elementType.float, dims, data: floatBytes(values) });
    return name;
  }

  /** A stored table of 64-bit integers; one with the same name is stored once. */
  intTable(name: string, dims: readonly number[], values: readonly number[]): TensorName {
    if (!this.initializers.has(name)) {
      const view = new DataView(new ArrayBuffer(values.length * 8));
      values.forEach((value, index) => view.setBigInt64(index * 8, BigInt(value), true));
      this.initializers.set(name, { name, elementType: elementType.int64, dims, data: new Uint8Array(view.buffer) });
    }
    return name;
  }

  /** A constant list of 64-bit integers: shapes, axes, positions. */
  ints(values: readonly number[]): TensorName {
    return this.intTable(`ints_${values.join("_")}`, [values.length], values);
  }

  /** A constant 64-bit integer without dimensions. */
  int(value: number): TensorName {
    return this.intTable(`int_${value}`, [], [value]);
  }

  /** A constant 32-bit float without dimensions. Stored as a node, so that it does not count as something learnt. */
  float(value: number): TensorName {
    return this.op("Constant", [], { value_float: { float: value } });
  }

  /** Adds a node with one output. */
  op(
    opType: string,
    inputs: readonly TensorName[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): TensorName {
    return this.split(opType, inputs, { attributes, outputs: 1 })[0] as TensorName;
  }

  /** Adds a node with several outputs. */
  split(
    opType: string,
    inputs: readonly TensorName[],
    options: { readonly attributes: Readonly<Record<string, OnnxAttribute>>; readonly outputs: number },
  ): TensorName[] {
    const name = `${opType}_${this.nodes.length}`;
    const outputs = Array.from({ length: options.outputs }, (_, index) => `${name}_${index}`);
    this.nodes.push({ name, opType, inputs, outputs, attributes: options.attributes });
    return outputs;
  }

  build(): OnnxGraph {
    return {
      name: this.graphName,
      nodes: this.nodes,
      initializers: [...this.initializers.values()],
      inputs: this.inputs,
      outputs: this.outputs,
    };
  }
}
