import type { OnnxInitializer } from "../onnx/onnx-model.ts";

/** The numbers of a tensor of 32-bit floats. */
export function floatValues({ data }: OnnxInitializer): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}

/** Numbers as little-endian 32-bit floats. */
export function floatBytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let index = 0; index < values.length; index += 1) view.setFloat32(index * 4, values[index] as number, true);
  return new Uint8Array(view.buffer);
}
