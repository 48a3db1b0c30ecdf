import { AssayError } from "../base/index.ts";
import type { JsonObject } from "../base/index.ts";
import type { Dimension } from "./onnx/onnx-model.ts";
import { decoderIdsOf, imageOf, imageSample, speechOf, speechSample, textAndImageSample } from "./samples.ts";
import { textOf, textSample, textToTextSample } from "./samples.ts";
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
  const make = sampleMaker(new Set(model.inputs.map(({ name }) => name)));
  return Array.from({ length: count }, (_, index) => make(model.config, index, options));
}

function sampleMaker(
  names: ReadonlySet<string>,
): (config: JsonObject, index: number, options: SampleOptions) => Sample {
  if (names.has("input_features")) return speechSample;
  if (names.has("pixel_values")) return names.has("input_ids") ? textAndImageSample : imageSample;
  return names.has("decoder_input_ids") ? textToTextSample : textSample;
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
      return tokens(input, samples, (sample) => textOf(sample)?.inputIds);
    case "attention_mask":
      return tokens(input, samples, (sample) => textOf(sample)?.attentionMask);
    case "token_type_ids":
      return tokens(input, samples, (sample) => textOf(sample)?.inputIds.map(() => 0));
    case "position_ids":
      return tokens(input, samples, (sample) => textOf(sample)?.inputIds.map((_, index) => index));
    case "decoder_input_ids":
      return tokens(input, samples, decoderIdsOf);
    case "pixel_values":
      return floats(input, samples, (sample) => {
        const image = imageOf(sample);
        return image && { dims: image.dims, data: image.pixels };
      });
    case "input_features":
      return floats(input, samples, (sample) => {
        const speech = speechOf(sample);
        return speech && { dims: speech.dims, data: speech.features };
      });
    default:
      if (input.name.startsWith("past_key_values.")) return emptyCache(input, samples.length);
      throw unknownInput(input);
  }
}

function tokens(
  input: InputSpec,
  samples: readonly Sample[],
  pick: (sample: Sample) => readonly number[] | undefined,
): TensorData {
  if (input.type !== "int64") throw unknownInput(input);
  return int64Tensor(pickAll(input, samples, pick));
}

/** Rows of equal length as a [rows, columns] tensor. */
export function int64Tensor(rows: readonly (readonly number[])[]): TensorData {
  const columns = rows[0]?.length ?? 0;
  const data = BigInt64Array.from(rows.flat(), (value) => BigInt(value));
  return { type: "int64", dims: [rows.length, columns], data };
}

function floats(
  input: InputSpec,
  samples: readonly Sample[],
  pick: (sample: Sample) => { readonly dims: readonly number[]; readonly data: Float32Array } | undefined,
): TensorData {
  if (input.type !== "float32") throw unknownInput(input);
  const parts = pickAll(input, samples, pick);
  const first = parts[0];
  if (first === undefined) throw unknownInput(input);
  const data = new Float32Array(parts.length * first.data.length);
  parts.forEach((part, index) => data.set(part.data, index * first.data.length));
  return { type: "float32", dims: [parts.length, ...first.dims], data };
}

function pickAll<Part>(
  input: InputSpec,
  samples: readonly Sample[],
  pick: (sample: Sample) => Part | undefined,
): Part[] {
  return samples.map((sample) => {
    const part = pick(sample);
    if (part === undefined) throw unknownInput(input);
    return part;
  });
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

const knownInputs = [
  ...["input_ids", "attention_mask", "token_type_ids", "position_ids", "decoder_input_ids"],
  ...["pixel_values", "input_features", "past_key_values"],
] as const;

function unknownInput(input: InputSpec): AssayError {
  return new AssayError("model_unsupported", {
    message: `The model wants an input "${input.name}" of type ${input.type}, which Assay cannot fill`,
    next: `Take an ONNX export with no other inputs than ${knownInputs.join(", ")}.`,
  });
}
