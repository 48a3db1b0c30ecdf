import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readOnnx } from "../onnx/onnx-reader.ts";
import { generateModel, generatedModelIds } from "./generated-model.ts";
import type { ModelFiles } from "./generated-model.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One digest over all paths and contents. */
function digest(files: ModelFiles): string {
  const hash = createHash("sha256");
  for (const [path, content] of files) hash.update(encode(`${path} ${content.byteLength}\n`)).update(content);
  return hash.digest("hex");
}

function parse(files: ModelFiles, path: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files.get(path))) as Record<string, unknown>;
}

describe("generated models", () => {
  // When this fails because the generator was changed on purpose, raise GENERATOR_VERSION and put in the new digests.
  test.each([
    ["tiny-bert", "0f0fc903e20ec4eb92d576a0711e685e81d061bcfc7fc8fa15050aba6e3d6fbf"],
    ["tiny-gpt2", "bf987e49e3008d8825cec5f75136883bb0488333888e6af99adad23e08956cd8"],
    ["tiny-vit", "2bb384dedb3724cbb9db0d4d4ecbd1cf6254c933674bf40f1d7b6c05223d0335"],
    ["tiny-t5", "5aa6163737b48dd88c4aee648bd863fde3c0a07998faeba0a8d9cde5cb6c7e3c"],
    ["tiny-whisper", "51f3488f94b04b30895396a15350f51bb26f22c389cf84cac84e0962121d66ea"],
    ["tiny-clip", "7fe65df94618d5549344df65e712a54540c692190216114cbb7aba9798f47b6f"],
  ] as const)("%s has the same bytes everywhere", (id, golden) => {
    expect(digest(generateModel(id))).toBe(golden);
  });

  test.each(generatedModelIds)("%s: another seed gives other weights in the same shapes", (id) => {
    const [first, second] = [1, 2].map((seed) =>
      readOnnx(generateModel(id, { seed }).get("onnx/model.onnx") ?? encode("")),
    );
    expect(first?.parameterCount).toBe(second?.parameterCount);
    expect(first?.initializers.map(({ dims }) => dims)).toEqual(second?.initializers.map(({ dims }) => dims));
    expect(first?.initializers.map(({ data }) => data)).not.toEqual(second?.initializers.map(({ data }) => data));
  });

  test.each([
    ["tiny-bert", 612_352],
    ["tiny-gpt2", 685_184],
    ["tiny-vit", 311_338],
    ["tiny-t5", 722_688],
    ["tiny-whisper", 808_448],
    ["tiny-clip", 521_665],
  ] as const)("%s has %d parameters", (id, expected) => {
    expect(readOnnx(generateModel(id).get("onnx/model.onnx") ?? encode("")).parameterCount).toBe(expected);
  });

  test.each(["fp16", "int8", "q4"] as const)("in %s they have as many parameters, in fewer bytes", (precision) => {
    for (const id of generatedModelIds) {
      const full = generateModel(id).get("onnx/model.onnx") ?? encode("");
      const reduced = generateModel(id, { precision }).get(`onnx/model_${precision}.onnx`) ?? encode("");
      expect(readOnnx(reduced).parameterCount).toBe(readOnnx(full).parameterCount);
      expect(reduced.length).toBeLessThan(full.length * (precision === "fp16" ? 0.53 : 0.33));
    }
  });

  test("every token has an embedding", () => {
    for (const id of generatedModelIds.filter((name) => name !== "tiny-vit")) {
      const files = generateModel(id);
      const { vocab } = parse(files, "tokenizer.json")["model"] as { vocab: Record<string, number> };
      const ids = Object.values(vocab).toSorted((a, b) => a - b);
      expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => index));
      const config = parse(files, "config.json");
      expect({ ...config, ...(config["text_config"] as object | undefined) }).toMatchObject({ vocab_size: ids.length });
    }
  });

  test("the byte-level tokenizer has a character for each byte, and each merge is a token", () => {
    const model = parse(generateModel("tiny-gpt2"), "tokenizer.json")["model"] as {
      vocab: Record<string, number>;
      merges: string[];
    };
    // "Ġ" is GPT-2's space, "Ċ" its line feed, "Ń" its soft hyphen, the last of the stand-ins.
    expect(["!", "Ġ", "Ċ", "Ń"].every((character) => character in model.vocab)).toBe(true);
    expect(model.merges.map((pair) => pair.replace(" ", "")).every((token) => token in model.vocab)).toBe(true);
    expect(model.merges.flatMap((pair) => pair.split(" ")).every((token) => token in model.vocab)).toBe(true);
  });
});
