import { elementType } from "./onnx-model.ts";
import { readOnnx } from "./onnx-reader.ts";

/** A weight as an ONNX file has it: 32-bit floats, little endian, row by row. */
export interface StoredWeight {
  readonly type: "float32";
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/** The 32-bit weights of an ONNX file, by name. */
export function storedWeights(onnx: Uint8Array): Record<string, StoredWeight> {
  const floats = readOnnx(onnx).initializers.filter((tensor) => tensor.elementType === elementType.float);
  return Object.fromEntries(floats.map(({ name, dims, data }) => [name, { type: "float32", dims, data }]));
}
