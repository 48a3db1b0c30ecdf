import { describe, expect, test } from "vitest";
import { elementType } from "./onnx-model.ts";
import { floatData, readOnnx } from "./onnx-reader.ts";
import { encodeOnnx } from "./onnx-writer.ts";

const floats = new Uint8Array(Float32Array.of(1.5, -2, 0.25, 8).buffer);
const file = encodeOnnx({
  name: "sample",
  nodes: [{ name: "n", opType: "MatMul", inputs: ["x", "w"], outputs: ["y"], attributes: { axis: -1, perm: [1, 0] } }],
  initializers: [
    { name: "w", elementType: elementType.float, dims: [2, 2], data: floats },
    { name: "shape", elementType: elementType.int64, dims: [3], data: new Uint8Array(24) },
  ],
  inputs: [{ name: "x", elementType: elementType.float, dims: ["batch", 2] }],
  outputs: [{ name: "y", elementType: elementType.float, dims: ["batch", 2] }],
});

describe("readOnnx", () => {
  test("finds what was written; shapes and indices are no parameters", () => {
    const summary = readOnnx(file);
    expect(summary.nodeCount).toBe(1);
    expect(summary.parameterCount).toBe(4);
    expect(summary.initializers.map(({ name, dims }) => ({ name, dims }))).toEqual([
      { name: "w", dims: [2, 2] },
      { name: "shape", dims: [3] },
    ]);
    expect([...floatData(summary.initializers[0] ?? never())]).toEqual([1.5, -2, 0.25, 8]);
  });

  test("refuses a truncated file and a file of another kind", () => {
    expect(() => readOnnx(file.subarray(0, file.length - 10))).toThrow();
    expect(() => readOnnx(new Uint8Array())).toThrow("one graph");
  });
});

describe("tensors that cannot be", () => {
  const withTensor = (dims: number[], data: Uint8Array): Uint8Array =>
    encodeOnnx({
      ...{ name: "g", nodes: [], inputs: [], outputs: [] },
      initializers: [{ name: "w", elementType: elementType.float, dims, data }],
    });

  const none = new Uint8Array();
  test.each([
    {
      name: "larger than the file",
      dims: [1_000, 1_000],
      data: floats,
      message: "w of shape [1000, 1000] should have 4000000",
    },
    {
      name: "larger, without any numbers",
      dims: [1_000_000],
      data: none,
      message: "should have 4000000 bytes and has 0",
    },
    { name: "smaller than their bytes", dims: [3], data: floats, message: "should have 12 bytes and has 16" },
    { name: "of more numbers than there are", dims: [2 ** 40, 2 ** 40], data: none, message: "impossible shape" },
    { name: "of a negative size", dims: [-4], data: none, message: "impossible shape [-4]" },
  ])("$name", ({ dims, data, message }) => {
    expect(() => readOnnx(withTensor(dims, data))).toThrow(message);
  });
});

test("the first bytes are the ones that the format asks for", () => {
  // Field 1 (ir_version) = 9, field 2 (producer_name) = "assay", then field 7 (graph).
  expect([...file.subarray(0, 10)]).toEqual([0x08, 9, 0x12, 5, ...new TextEncoder().encode("assay"), 0x3a]);
});

function never(): never {
  throw new Error("the tensor is missing");
}
