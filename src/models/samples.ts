import { hashText, seededRng } from "../base/index.ts";
import type { JsonObject } from "../base/index.ts";
import { configSection } from "./config-sizes.ts";

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

/** A text to read, and the text that the decoder has so far. */
export interface TextToTextSample {
  readonly kind: "text-to-text";
  readonly text: TextSample;
  readonly decoderInputIds: readonly number[];
}

/** Log-mel features of a recording, [mel bins, frames], values in [−1, 1], and the text that the decoder has so far. */
export interface SpeechSample {
  readonly kind: "speech";
  readonly features: Float32Array;
  readonly dims: readonly [melBins: number, frames: number];
  readonly decoderInputIds: readonly number[];
}

export interface TextAndImageSample {
  readonly kind: "text-and-image";
  readonly text: TextSample;
  readonly image: ImageSample;
}

export type Sample = TextSample | ImageSample | TextToTextSample | SpeechSample | TextAndImageSample;

/** The text that a sample's encoder, or its only part, reads. */
export function textOf(sample: Sample): TextSample | undefined {
  if (sample.kind === "text") return sample;
  return "text" in sample ? sample.text : undefined;
}

export function imageOf(sample: Sample): ImageSample | undefined {
  if (sample.kind === "image") return sample;
  return "image" in sample ? sample.image : undefined;
}

export function speechOf(sample: Sample): SpeechSample | undefined {
  return sample.kind === "speech" ? sample : undefined;
}

export function decoderIdsOf(sample: Sample): readonly number[] | undefined {
  return "decoderInputIds" in sample ? sample.decoderInputIds : undefined;
}

export interface SampleOptions {
  readonly seed: number;
  /** Tokens per text, also of the decoder's; cut to what the model allows. */
  readonly sequenceLength: number;
  /** Whether some texts end in padding. Not for decoders, whose caches have none. */
  readonly padding: boolean;
}

/** Where configurations of various families keep the number of positions. */
const positionKeys = [
  ...["max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_target_positions"],
] as const;

/**
 * Sample number `index` of an endless seeded sequence. It depends on nothing else, so sample 3 is the same in a batch of 4 and of 64,
 * and one reference output serves both.
 */
export function textSample(config: JsonObject, index: number, options: SampleOptions): TextSample {
  const rng = seededRng(hashText(`${options.seed}/text/${index}`));
  const vocabulary = vocabularyOf(config);
  const padding = numberOf(textSection(config), ["pad_token_id"]) ?? 0;
  const length = Math.min(options.sequenceLength, positionLimit(config));
  // Every fourth text ends in padding, so that a runtime that ignores the mask gives wrong numbers.
  const real = options.padding && index % 4 === 1 ? Math.max(1, Math.ceil(length * 0.75)) : length;
  const inputIds = Array.from({ length }, (_, at) => (at < real ? rng.below(vocabulary) : padding));
  return { kind: "text", inputIds, attentionMask: inputIds.map((_, at) => (at < real ? 1 : 0)) };
}

/** The longest text that a model takes, in tokens; `Infinity` where its configuration does not say. */
export function positionLimit(config: JsonObject): number {
  return numberOf(textSection(config), positionKeys) ?? Infinity;
}

/** As `textSample`, with a decoder's text. */
export function textToTextSample(config: JsonObject, index: number, options: SampleOptions): TextToTextSample {
  const text = textSample(config, index, options);
  return { kind: "text-to-text", text, decoderInputIds: decoderTokens(config, index, options) };
}

/** As `textSample`, for recordings of the one length that Whisper takes: two frames for each position of its encoder. */
export function speechSample(config: JsonObject, index: number, options: SampleOptions): SpeechSample {
  const rng = seededRng(hashText(`${options.seed}/speech/${index}`));
  const melBins = numberOf(config, ["num_mel_bins"]) ?? 80;
  const frames = 2 * (numberOf(config, ["max_source_positions"]) ?? 1_500);
  const features = Float32Array.from({ length: melBins * frames }, () => 2 * rng.next() - 1);
  return { kind: "speech", features, dims: [melBins, frames], decoderInputIds: decoderTokens(config, index, options) };
}

/** As `textSample`, with an image beside the text. */
export function textAndImageSample(config: JsonObject, index: number, options: SampleOptions): TextAndImageSample {
  const [text, image] = [textSample(config, index, options), imageSample(config, index, options)];
  return { kind: "text-and-image", text, image };
}

/** The token that decoders start with, then seeded ones. */
function decoderTokens(config: JsonObject, index: number, options: SampleOptions): number[] {
  const rng = seededRng(hashText(`${options.seed}/decoder/${index}`));
  const vocabulary = vocabularyOf(config);
  const start = numberOf(config, ["decoder_start_token_id"]) ?? 0;
  const length = Math.min(options.sequenceLength, positionLimit(config));
  return Array.from({ length }, (_, at) => (at === 0 ? start : rng.below(vocabulary)));
}

function vocabularyOf(config: JsonObject): number {
  return numberOf(textSection(config), ["vocab_size"]) ?? 1_000;
}

/** Models of several kinds of input keep the sizes of each in a section of its own. */
function textSection(config: JsonObject): JsonObject {
  return { ...config, ...configSection(config, "text_config") };
}

/** As `textSample`, for images of the size that the model's configuration names. */
export function imageSample(config: JsonObject, index: number, options: SampleOptions): ImageSample {
  const rng = seededRng(hashText(`${options.seed}/image/${index}`));
  const sizes = { ...config, ...configSection(config, "vision_config") };
  const channels = numberOf(sizes, ["num_channels"]) ?? 3;
  const [height, width] = imageSize(sizes);
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
