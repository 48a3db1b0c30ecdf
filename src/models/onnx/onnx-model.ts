/** ONNX element types that Assay writes or reads (`TensorProto.DataType`). */
export const elementType = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** A dimension: a fixed size, or the name of one that each run chooses. */
export type Dimension = number | string;

/** A named input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly Dimension[];
}

/** A tensor stored in the model file. `data` is little endian, in row-major order. */
export interface OnnxInitializer {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/** A node's attribute: a number is an INT, an array INTS, `{ float }` a FLOAT. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** Whose operator it is; ONNX's own when left out. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}
