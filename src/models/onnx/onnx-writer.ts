import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Dimension, OnnxAttribute, OnnxGraph, OnnxInitializer, OnnxNode, OnnxValue } from "./onnx-model.ts";

/** IR version 9 goes with operator set 20, the first with `Gelu`; every runtime that we know reads both. */
const IR_VERSION = 9;
const OPERATOR_SET = 20;
const PRODUCER = "assay";

/** `AttributeProto.AttributeType`. */
const attributeType = { float: 1, int: 2, ints: 7 } as const;

/** Encodes a graph as an ONNX file (`ModelProto` of onnx.proto; the numbers below are its field numbers). */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(IR_VERSION);
  writer.tag(2, WireType.LengthDelimited).string(PRODUCER);
  message(writer, 7, () => writeGraph(writer, graph));
  writeOperatorSet(writer, "", OPERATOR_SET);
  const domains = new Set(graph.nodes.flatMap((node) => node.domain ?? []));
  for (const domain of domains) writeOperatorSet(writer, domain, 1);
  return writer.finish();
}

function writeOperatorSet(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8, () => {
    writer.tag(1, WireType.LengthDelimited).string(domain);
    writer.tag(2, WireType.Varint).int64(version);
  });
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  writer.tag(2, WireType.LengthDelimited).string(graph.name);
  for (const tensor of graph.initializers) message(writer, 5, () => writeInitializer(writer, tensor));
  for (const input of graph.inputs) message(writer, 11, () => writeValue(writer, input));
  for (const output of graph.outputs) message(writer, 12, () => writeValue(writer, output));
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  for (const output of node.outputs) writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(node.name);
  writer.tag(4, WireType.LengthDelimited).string(node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, value));
  }
  if (node.domain !== undefined) writer.tag(7, WireType.LengthDelimited).string(node.domain);
}

function writeAttribute(writer: BinaryWriter, name: string, value: OnnxAttribute): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  if (typeof value === "number") {
    writer.tag(3, WireType.Varint).int64(value);
    writer.tag(20, WireType.Varint).int32(attributeType.int);
  } else if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    writer.tag(20, WireType.Varint).int32(attributeType.float);
  } else {
    // onnx.proto is proto2: repeated numbers are not packed.
    for (const item of value) writer.tag(8, WireType.Varint).int64(item);
    writer.tag(20, WireType.Varint).int32(attributeType.ints);
  }
}

function writeInitializer(writer: BinaryWriter, tensor: OnnxInitializer): void {
  for (const dim of tensor.dims) writer.tag(1, WireType.Varint).int64(dim);
  writer.tag(2, WireType.Varint).int32(tensor.elementType);
  writer.tag(8, WireType.LengthDelimited).string(tensor.name);
  writer.tag(9, WireType.LengthDelimited).bytes(tensor.data);
}

function writeValue(writer: BinaryWriter, value: OnnxValue): void {
  writer.tag(1, WireType.LengthDelimited).string(value.name);
  message(writer, 2, () =>
    message(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(value.elementType);
      message(writer, 2, () => {
        for (const dim of value.dims) message(writer, 1, () => writeDimension(writer, dim));
      });
    }),
  );
}

function writeDimension(writer: BinaryWriter, dim: Dimension): void {
  if (typeof dim === "number") writer.tag(1, WireType.Varint).int64(dim);
  else writer.tag(2, WireType.LengthDelimited).string(dim);
}
