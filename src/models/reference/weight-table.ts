import { floatData } from "../onnx/onnx-reader.ts";
import type { StoredTensor } from "../onnx/onnx-reader.ts";

/** The weights of a model file by name, as doubles. Read from the file itself, so that the file is what gets checked. */
export class WeightTable {
  private readonly tensors: ReadonlyMap<string, StoredTensor>;
  private readonly converted = new Map<string, Float64Array>();

  constructor(tensors: readonly StoredTensor[]) {
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  get(name: string): Float64Array {
    const known = this.converted.get(name);
    if (known !== undefined) return known;
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new Error(`the model file has no weight ${name}`);
    const data = floatData(tensor);
    this.converted.set(name, data);
    return data;
  }
}
