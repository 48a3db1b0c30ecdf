import type { Precision } from "../../models/index.ts";

/** The outcome of comparing one batch's output with the reference. */
export interface OutputCheck {
  /** `none`: there is no reference for this model; only the sanity of the numbers was checked. */
  readonly reference: "float64" | "none";
  readonly outputName: string;
  /** Samples of the batch that were compared; all were looked at for sanity. */
  readonly samplesCompared: number;
  readonly maxAbsError: number | null;
  readonly cosine: number | null;
  readonly tolerance: number;
}

/**
 * Largest allowed absolute difference from a double-precision reference. fp32 as in optimum-onnx's tests; fp16, int8 and q4 are twice
 * the largest differences of the six generated models on ONNX Runtime's CPU provider; bf16 is twice the largest that rounding alone
 * makes, each operator's result rounded to the format and nothing else.
 */
const tolerances: Readonly<Record<Precision, number>> = { fp32: 1e-4, fp16: 1e-2, bf16: 0.11, int8: 0.17, q4: 1.5 };

/** Below this the output points elsewhere than the reference, however large the tolerance is. */
const leastCosines: Readonly<Record<Precision, number>> = {
  fp32: 0.999,
  fp16: 0.999,
  bf16: 0.999,
  int8: 0.999,
  q4: 0.97,
};

export function leastCosine(precision: Precision): number {
  return leastCosines[precision];
}

export function defaultTolerance(precision: Precision): number {
  return tolerances[precision];
}

export interface Difference {
  /** `Infinity` when a number is not finite or the lengths differ. */
  readonly maxAbsError: number;
  /** Cosine of the angle between the two, as long vectors: 1 when they agree. */
  readonly cosine: number;
}

export function compare(actual: ArrayLike<number>, expected: ArrayLike<number>): Difference {
  if (actual.length !== expected.length) return { maxAbsError: Infinity, cosine: 0 };
  let maxAbsError = 0;
  let product = 0;
  let actualSquares = 0;
  let expectedSquares = 0;
  for (let index = 0; index < actual.length; index += 1) {
    const a = actual[index] as number;
    const e = expected[index] as number;
    // Written so that NaN counts as infinitely wrong: every comparison with it is false.
    const error = Math.abs(a - e);
    if (!(error <= maxAbsError)) maxAbsError = Number.isNaN(error) ? Infinity : error;
    product += a * e;
    actualSquares += a * a;
    expectedSquares += e * e;
  }
  const norm = Math.sqrt(actualSquares) * Math.sqrt(expectedSquares);
  return { maxAbsError, cosine: norm === 0 ? 0 : product / norm };
}

/** What is plainly wrong with an output, whatever it should be; `undefined` when nothing is. */
export function insanity(output: ArrayLike<number>): string | undefined {
  if (output.length === 0) return "is empty";
  const first = output[0] as number;
  let constant = true;
  for (let index = 0; index < output.length; index += 1) {
    const value = output[index] as number;
    if (Number.isNaN(value)) return `holds NaN (at ${index})`;
    if (!Number.isFinite(value)) return `holds ${value} (at ${index})`;
    constant &&= value === first;
  }
  if (!constant || output.length === 1) return undefined;
  return first === 0 ? "is all zero" : `is ${first} everywhere`;
}
