import { hashText, seededRng } from "../base/index.ts";
import type { JsonObject } from "../base/index.ts";

/** One text as token identifiers. The mask is 1 for tokens and 0 for padding, as long as the identifiers. */
export interface TextSample {
  readonly kind: "text";
  readonly inputIds: readonly number[];
  readonly attentionMask: readonly number[];
}

/** One image, [channels, height, width], values in [−1, 1]. */
export interface ImageSample {
  readonly kind: "image";
  readonly pixels: Float32Array;
  readonly dims: readonly [channels: number, height: number, width: number];
}

export type Sample = TextSample | ImageSample;

export interface SampleOptions {
  readonly seed: number;
  /** Tokens per text; cut to what the model allows. */
  readonly sequenceLength: number;
  /** Whether some texts end in padding. Not for decoders, whose caches have none. */
  readonly padding: boolean;
}

/** Where configurations of various families keep the number of positions. */
const positionKeys = ["max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"] as const;

/**
 * Sample number `index` of an endless seeded sequence. It depends on nothing else, so sample 3 is the same in a batch of 4 and of 64,
 * and one reference output serves both.
 */
export function textSample(config: JsonObject, index: number, options: SampleOptions): TextSample {
  const rng = seededRng(hashText(`${options.seed}/text/${index}`));
  const vocabulary = numberOf(config, ["vocab_size"]) ?? 1_000;
  const length = Math.min(options.sequenceLength, positionLimit(config));
  // Every fourth text ends in padding, so that a runtime that ignores the mask gives wrong numbers.
  const real = options.padding && index % 4 === 1 ? Math.max(1, Math.ceil(length * 0.75)) : length;
  const inputIds = Array.from({ length }, (_, at) => (at < real ? rng.below(vocabulary) : 0));
  return { kind: "text", inputIds, attentionMask: inputIds.map((_, at) => (at < real ? 1 : 0)) };
}

/** The longest text that a model takes, in tokens; `Infinity` where its configuration does not say. */
export function positionLimit(config: JsonObject): number {
  return numberOf(config, positionKeys) ?? Infinity;
}

/** As `textSample`, for images of the size that the model's configuration names. */
export function imageSample(config: JsonObject, index: number, options: SampleOptions): ImageSample {
  const rng = seededRng(hashText(`${options.seed}/image/${index}`));
  const channels = numberOf(config, ["num_channels"]) ?? 3;
  const [height, width] = imageSize(config);
  const pixels = Float32Array.from({ length: channels * height * width }, () => 2 * rng.next() - 1);
  return { kind: "image", pixels, dims: [channels, height, width] };
}

/** Families without `image_size` were trained on 224 × 224. */
const DEFAULT_IMAGE_SIZE = 224;

function imageSize(config: JsonObject): [height: number, width: number] {
  const size = config["image_size"];
  if (Array.isArray(size) && typeof size[0] === "number" && typeof size[1] === "number") return [size[0], size[1]];
  return typeof size === "number" ? [size, size] : [DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE];
}

function numberOf(config: JsonObject, keys: readonly string[]): number | undefined {
  return keys.map((key) => config[key]).find((value) => typeof value === "number");
}
