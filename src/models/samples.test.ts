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
