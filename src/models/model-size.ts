import type { Precision } from "./precision.ts";

/** What decides how much room a model takes. Of a model with several stacks the widest one. */
export interface ModelShape {
  readonly layers: number;
  /** Numbers per token between the layers, and inside a feed-forward part. */
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  /** Tokens per sample: of texts 128, of images patches, of sound the encoder's positions. */
  readonly tokens: number;
  /** Numbers per token in the last layer: for language models the vocabulary. */
  readonly outputs: number;
  /** Rows of the table of tokens; 0 without one. */
  readonly vocabulary: number;
  /** Whether keys and values of all layers are outputs too. */
  readonly cached?: true;
}

/** The precisions whose size is told; hardly any ONNX file is bf16. */
export const sizedPrecisions = ["fp32", "fp16", "int8", "q4"] as const satisfies readonly Precision[];
export type SizedPrecision = (typeof sizedPrecisions)[number];
export type PrecisionBytes = Readonly<Record<SizedPrecision, number>>;

/**
 * Bytes of the ONNX file, estimated from the number of parameters: 4, 2 or 1 for each. In q4, 32 weights share a 32-bit scale,
 * which makes 5 bits for each; the table of tokens stays 32-bit.
 */
export function estimatedFileBytes(parameterCount: number, shape: ModelShape): PrecisionBytes {
  const table = shape.vocabulary * shape.hidden;
  const q4 = Math.round((parameterCount - table) * (5 / 8) + table * 4);
  return { fp32: 4 * parameterCount, fp16: 2 * parameterCount, int8: parameterCount, q4 };
}

/**
 * Bytes of the tensors that inference of one sample holds at once, in 32-bit floats: the largest of a layer's parts, since each layer's are
 * freed before the next one's. For t tokens of width h, a heads, f in the feed-forward part and o outputs:
 *
 *   4 · t · (2h + max(4h + 2·a·t, 2f, o))   and with a cache   + 4 · t · 2h · layers
 *
 * Input and sum of a part are 2h; queries, keys, values and context 4h, scores and their softmax 2·a·t. The terms are those that Korthikanti
 * et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4.1, count for training, where all layers' are kept.
 */
export function activationBytes({ layers, hidden, intermediate, heads, tokens, outputs, cached }: ModelShape): number {
  const largestPart = Math.max(4 * hidden + 2 * heads * tokens, 2 * intermediate, outputs);
  const cache = cached === true ? 2 * hidden * layers : 0;
  return 4 * tokens * (2 * hidden + largestPart + cache);
}
