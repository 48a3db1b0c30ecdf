import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph, OnnxInitializer, OnnxNode } from "../onnx/onnx-model.ts";
import { halfFloatBits } from "./half-float.ts";
import { floatValues } from "./tensor-bytes.ts";

/**
 * The graph with weights and arithmetic in 16-bit floats. Inputs and outputs stay 32-bit, with casts at the borders, as
 * onnxconverter-common's `keep_io_types` does it.
 */
export function inHalfPrecision(graph: OnnxGraph): OnnxGraph {
  const floatInputs = new Set(graph.inputs.filter((input) => input.elementType === elementType.float).map(nameOf));
  const outputs = new Set(graph.outputs.map(nameOf));
  const inner = (name: string): string => (floatInputs.has(name) ? `${name}_half` : name);
  const nodes = graph.nodes.flatMap((node) => {
    const moved = { ...node, inputs: node.inputs.map(inner) };
    const [output = ""] = node.outputs;
    if (outputs.has(output)) return [{ ...moved, opType: "Cast", attributes: { to: elementType.float } }];
    if (node.opType === "Cast" && node.attributes["to"] === elementType.float) {
      return [{ ...moved, attributes: { to: elementType.float16 } }];
    }
    return node.opType === "Constant" ? halfConstant(node) : [moved];
  });
  return {
    ...graph,
    nodes: [...[...floatInputs].map((name) => toHalf(name, inner(name))), ...nodes],
    initializers: graph.initializers.map(halfInitializer),
  };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** A float constant keeps its 32-bit attribute, which runtimes fold together with the cast behind it. */
function halfConstant(node: OnnxNode): OnnxNode[] {
  const [output = ""] = node.outputs;
  const wide = `${output}_wide`;
  return [{ ...node, outputs: [wide] }, toHalf(wide, output)];
}

function toHalf(from: string, to: string): OnnxNode {
  return {
    name: `Cast_${to}`,
    opType: "Cast",
    inputs: [from],
    outputs: [to],
    attributes: { to: elementType.float16 },
  };
}

function halfInitializer(tensor: OnnxInitializer): OnnxInitializer {
  if (tensor.elementType !== elementType.float) return tensor;
  const values = floatValues(tensor);
  const view = new DataView(new ArrayBuffer(values.length * 2));
  values.forEach((value, index) => view.setUint16(index * 2, halfFloatBits(value), true));
  return { ...tensor, elementType: elementType.float16, data: new Uint8Array(view.buffer) };
}
