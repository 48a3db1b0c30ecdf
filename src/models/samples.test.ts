import { describe, expect, test } from "vitest";
import { createFeeds, createSamples } from "./inputs.ts";
import type { InputSpec } from "./inputs.ts";

const config = { vocab_size: 50, max_position_embeddings: 16 };
const textInputs: InputSpec[] = ["input_ids", "attention_mask", "token_type_ids"].map((name) => ({
  name,
  type: "int64",
  dims: ["batch", "sequence"],
}));
const options = { seed: 7, sequenceLength: 8, padding: true };

describe("createSamples", () => {
  test("a sample does not depend on how many others there are", () => {
    const four = createSamples({ config, inputs: textInputs }, 4, options);
    const six = createSamples({ config, inputs: textInputs }, 6, options);
    expect(six.slice(0, 4)).toEqual(four);
    expect(six[4]).not.toEqual(four[0]);
  });

  test("another seed gives other tokens, all in the vocabulary", () => {
    const [first] = createSamples({ config, inputs: textInputs }, 1, options);
    const [other] = createSamples({ config, inputs: textInputs }, 1, { ...options, seed: 8 });
    expect(first).not.toEqual(other);
    expect(first?.kind === "text" && first.inputIds.every((id) => id >= 0 && id < 50)).toBe(true);
  });

  test("a length beyond the model's positions is cut", () => {
    const [sample] = createSamples({ config, inputs: textInputs }, 1, { ...options, sequenceLength: 99 });
    expect(sample?.kind === "text" && sample.inputIds.length).toBe(16);
  });

  test("texts for a decoder start with its token, also beside recordings", () => {
    const speech = { num_mel_bins: 4, max_source_positions: 5, max_target_positions: 6, decoder_start_token_id: 3 };
    const inputs: InputSpec[] = [
      { name: "input_features", type: "float32", dims: ["batch", 4, "frames"] },
      { name: "decoder_input_ids", type: "int64", dims: ["batch", "tokens"] },
    ];
    const samples = createSamples({ config: { ...speech, vocab_size: 50 }, inputs }, 2, options);
    expect(samples[0]).toMatchObject({ kind: "speech", dims: [4, 10] });
    const feeds = createFeeds(samples, inputs);
    expect(feeds["input_features"]?.dims).toEqual([2, 4, 10]);
    expect(feeds["decoder_input_ids"]?.dims).toEqual([2, 6]);
    expect([0, 6].map((at) => feeds["decoder_input_ids"]?.data[at])).toEqual([3n, 3n]);
  });

  test("texts and images take the sizes of their own section of the configuration", () => {
    const sections = { text_config: { vocab_size: 7 }, vision_config: { image_size: 4, num_channels: 1 } };
    const inputs: InputSpec[] = [
      ...textInputs.slice(0, 1),
      { name: "pixel_values", type: "float32", dims: ["batch", 1, 4, 4] },
    ];
    const samples = createSamples({ config: sections, inputs }, 2, options);
    const [first] = samples;
    expect(first?.kind === "text-and-image" && first.text.inputIds.every((id) => id < 7)).toBe(true);
    expect(createFeeds(samples, inputs)["pixel_values"]?.dims).toEqual([2, 1, 4, 4]);
  });

  test("padding has the identifier of the configuration", () => {
    const samples = createSamples({ config: { ...config, pad_token_id: 49 }, inputs: textInputs }, 2, options);
    const padded = samples[1];
    expect(padded?.kind === "text" && padded.inputIds.slice(6)).toEqual([49, 49]);
  });

  test("some texts are padded, for decoders none", () => {
    const masks = (padding: boolean): number[] =>
      createSamples({ config, inputs: textInputs }, 4, { ...options, padding }).map((sample) =>
        sample.kind === "text" ? sample.attentionMask.reduce((sum, value) => sum + value, 0) : -1,
      );
    expect(masks(true)).toEqual([8, 6, 8, 8]);
    expect(masks(false)).toEqual([8, 8, 8, 8]);
  });
});

describe("createFeeds", () => {
  test("packs texts row by row and starts with an empty cache", () => {
    const cache: InputSpec = {
      name: "past_key_values.0.key",
      type: "float32",
      dims: ["batch", 4, "past_sequence_length", 16],
    };
    const samples = createSamples({ config, inputs: textInputs }, 2, options);
    const feeds = createFeeds(samples, [...textInputs, cache]);
    expect(feeds["input_ids"]?.dims).toEqual([2, 8]);
    expect(feeds["past_key_values.0.key"]?.dims).toEqual([2, 4, 0, 16]);
    const second = samples[1];
    expect([...(feeds["input_ids"]?.data ?? [])].slice(8).map(Number)).toEqual(
      second?.kind === "text" && second.inputIds,
    );
  });

  test("packs images in the size of the configuration", () => {
    const inputs: InputSpec[] = [{ name: "pixel_values", type: "float32", dims: ["batch", 3, 8, 8] }];
    const samples = createSamples({ config: { image_size: 8, num_channels: 3 }, inputs }, 3, options);
    const feeds = createFeeds(samples, inputs);
    expect(feeds["pixel_values"]?.dims).toEqual([3, 3, 8, 8]);
    expect(feeds["pixel_values"]?.data).toHaveLength(3 * 3 * 8 * 8);
  });

  test("names an input that it cannot fill", () => {
    const samples = createSamples({ config, inputs: textInputs }, 1, options);
    const input: InputSpec = { name: "speaker_embeddings", type: "float32", dims: [1, 512] };
    expect(() => createFeeds(samples, [input])).toThrow('"speaker_embeddings" of type float32');
  });
});
