import type { ReferenceModel, Sample } from "../../models/index.ts";
import type { Outputs } from "./backends/backend.ts";
import { WrongNumbersError } from "./model-failure.ts";
import { compare, insanity } from "./output-check.ts";
import type { Difference, OutputCheck } from "./output-check.ts";

/** How many samples of a batch are compared with the reference, which is slow: the first ones and the last. */
const FIRST_SAMPLES = 4;

/** Checks the outputs of one model, batch after batch. A sample's reference output is computed once, whatever the batch. */
export class BatchChecker {
  readonly tolerance: number;
  private readonly leastCosine: number;
  private readonly reference: ReferenceModel | undefined;
  private readonly samples: (count: number) => readonly Sample[];
  private readonly expected = new Map<number, Readonly<Record<string, Float64Array>>>();

  constructor(options: {
    readonly reference: ReferenceModel | undefined;
    /** The first so many. */
    readonly samples: (count: number) => readonly Sample[];
    readonly tolerance: number;
    readonly leastCosine: number;
  }) {
    this.reference = options.reference;
    this.samples = options.samples;
    this.tolerance = options.tolerance;
    this.leastCosine = options.leastCosine;
  }

  /** The output that is checked: the reference's, or the usual one of models without a reference. */
  pick(outputs: Outputs): { name: string; data: Float32Array } {
    const names = [this.reference?.outputName, "logits", "last_hidden_state", ...Object.keys(outputs)];
    for (const name of names) {
      const tensor = name === undefined ? undefined : outputs[name];
      if (name !== undefined && tensor?.type === "float32") return { name, data: tensor.data };
    }
    throw new WrongNumbersError("the model gives no output of 32-bit floats");
  }

  /** Checks the outputs for the first `batchSize` samples. Throws a `WrongNumbersError` that says what is wrong. */
  check(outputs: Outputs, batchSize: number): OutputCheck {
    const { name, data } = this.pick(outputs);
    const problem = insanity(data);
    if (problem !== undefined) throw new WrongNumbersError(`the output "${name}" ${problem}`);
    const check = { outputName: name, tolerance: this.tolerance };
    if (this.reference === undefined) {
      return { ...check, reference: "none", samplesCompared: 0, maxAbsError: null, cosine: null };
    }
    const indices = [...new Set([...Array(Math.min(FIRST_SAMPLES, batchSize)).keys(), batchSize - 1])];
    const differences = indices.flatMap((index) =>
      Object.entries(this.expectedOutputs(index)).map(([output, expected]) =>
        this.compareSample(output, { data: dataOf(outputs, output), index, batchSize, expected }),
      ),
    );
    const maxAbsError = Math.max(...differences.map((difference) => difference.maxAbsError));
    const cosine = Math.min(...differences.map((difference) => difference.cosine));
    return { ...check, reference: "float64", samplesCompared: indices.length, maxAbsError, cosine };
  }

  private compareSample(
    output: string,
    {
      data,
      index,
      batchSize,
      expected,
    }: { data: Float32Array; index: number; batchSize: number; expected: Float64Array },
  ): Difference {
    const stride = data.length / batchSize;
    const difference = compare(data.subarray(index * stride, (index + 1) * stride), expected);
    const { maxAbsError, cosine } = difference;
    // Not `>`: NaN must fail too.
    if (maxAbsError <= this.tolerance && cosine >= this.leastCosine) return difference;
    throw new WrongNumbersError(
      `the output "${output}" differs from the reference by ${maxAbsError} (allowed: ${this.tolerance}), cosine ${cosine}`,
    );
  }

  /** Compares outputs of timed iterations with the checked ones, in full. Returns the largest difference. */
  recheck(timed: readonly Outputs[], checked: Outputs): number {
    const names = this.reference === undefined ? [this.pick(checked).name] : Object.keys(this.expectedOutputs(0));
    const errors = names.flatMap((name) => {
      const expected = dataOf(checked, name);
      return timed.map((outputs) => ({ name, ...compare(dataOf(outputs, name), expected) }));
    });
    const largest = errors.toSorted((a, b) => b.maxAbsError - a.maxAbsError)[0];
    // Not `>`: NaN must fail too.
    const wrong = errors.find(({ maxAbsError }) => !(maxAbsError <= this.tolerance));
    if (wrong !== undefined) {
      throw new WrongNumbersError(
        `the output "${wrong.name}" of a timed iteration differs from the checked one by ${wrong.maxAbsError}`,
      );
    }
    return largest?.maxAbsError ?? 0;
  }

  private expectedOutputs(index: number): Readonly<Record<string, Float64Array>> {
    const known = this.expected.get(index);
    if (known !== undefined) return known;
    const sample = this.samples(index + 1)[index];
    if (sample === undefined || this.reference === undefined) throw new Error(`there is no sample ${index}`);
    const outputs = this.reference.outputs(sample);
    this.expected.set(index, outputs);
    return outputs;
  }
}

function dataOf(outputs: Outputs, name: string): Float32Array {
  const tensor = outputs[name];
  if (tensor?.type === "float32") return tensor.data;
  throw new WrongNumbersError(`the model gives no output "${name}" of 32-bit floats`);
}
