import { AssayError } from "../base/index.ts";
import type { JsonObject } from "../base/index.ts";
import type { Dimension } from "./onnx/onnx-model.ts";
import { imageSample, textSample } from "./samples.ts";
import type { Sample, SampleOptions } from "./samples.ts";

/** A tensor on its way into or out of a runtime, row by row. */
export type TensorData =
  | { readonly type: "int64"; readonly dims: readonly number[]; readonly data: BigInt64Array }
  | { readonly type: "float32"; readonly dims: readonly number[]; readonly data: Float32Array };

/** An input as a runtime declares it: names stand for dimensions that each run chooses. */
export interface InputSpec {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly Dimension[];
}

export type Feeds = Readonly<Record<string, TensorData>>;

/** The first `count` samples for a model whose inputs are known. */
export function createSamples(
  model: { readonly config: JsonObject; readonly inputs: readonly InputSpec[] },
  count: number,
  options: SampleOptions,
): Sample[] {
  const images = model.inputs.some((input) => input.name === "pixel_values");
  const make = images ? imageSample : textSample;
  return Array.from({ length: count }, (_, index) => make(model.config, index, options));
}

/**
 * Packs samples into one batch for the declared inputs. Caches start empty. Throws an `AssayError` naming an input that Assay does
 * not know how to fill.
 */
export function createFeeds(samples: readonly Sample[], inputs: readonly InputSpec[]): Feeds {
  return Object.fromEntries(inputs.map((input) => [input.name, feedFor(input, samples)]));
}

function feedFor(input: InputSpec, samples: readonly Sample[]): TensorData {
  switch (input.name) {
    case "input_ids":
      return tokens(input, samples, (text) => text.inputIds);
    case "attention_mask":
      return tokens(input, samples, (text) => text.attentionMask);
    case "token_type_ids":
      return tokens(input, samples, (text) => text.inputIds.map(() => 0));
    case "position_ids":
      return tokens(input, samples, (text) => text.inputIds.map((_, index) => index));
    case "pixel_values":
      return pixels(input, samples);
    default:
      if (input.name.startsWith("past_key_values.")) return emptyCache(input, samples.length);
      throw unknownInput(input);
  }
}

function tokens(
  input: InputSpec,
  samples: readonly Sample[],
  pick: (text: Extract<Sample, { kind: "text" }>) => readonly number[],
): TensorData {
  if (input.type !== "int64") throw unknownInput(input);
  const rows = samples.map((sample) => {
    if (sample.kind !== "text") throw unknownInput(input);
    return pick(sample);
  });
  return int64Tensor(rows);
}

/** Rows of equal length as a [rows, columns] tensor. */
export function int64Tensor(rows: readonly (readonly number[])[]): TensorData {
  const columns = rows[0]?.length ?? 0;
  const data = BigInt64Array.from(rows.flat(), (value) => BigInt(value));
  return { type: "int64", dims: [rows.length, columns], data };
}

function pixels(input: InputSpec, samples: readonly Sample[]): TensorData {
  if (input.type !== "float32") throw unknownInput(input);
  const images = samples.map((sample) => {
    if (sample.kind !== "image") throw unknownInput(input);
    return sample;
  });
  const first = images[0];
  if (first === undefined) throw unknownInput(input);
  const data = new Float32Array(images.length * first.pixels.length);
  images.forEach((image, index) => data.set(image.pixels, index * first.pixels.length));
  return { type: "float32", dims: [images.length, ...first.dims], data };
}

/** A cache without positions: [batch, heads, 0, size], with heads and size as the model declares them. */
function emptyCache(input: InputSpec, batchSize: number): TensorData {
  if (input.type !== "float32") throw unknownInput(input);
  const dims = input.dims.map((dim, axis) => {
    if (axis === 0) return batchSize;
    return typeof dim === "number" ? dim : 0;
  });
  return { type: "float32", dims, data: new Float32Array(0) };
}

function unknownInput(input: InputSpec): AssayError {
  return new AssayError("model_unsupported", {
    message: `The model wants an input "${input.name}" of type ${input.type}, which Assay cannot fill`,
    next: "Take an ONNX export with input_ids, attention_mask, token_type_ids, position_ids, past_key_values or pixel_values.",
  });
}
