import { expect, test } from "vitest";
import { architectureOf, architectures, detectFamily, knownFamilies } from "./architectures.ts";
import { generateModel, generatedModelIds } from "./generator/generated-model.ts";
import { activationBytes, sizedPrecisions } from "./model-size.ts";
import { readOnnx } from "./onnx/onnx-reader.ts";
import { onnxCandidates } from "./precision.ts";
import { findModel, listModels, memoryBytes, nearMatches } from "./catalogue.ts";

test("ids and aliases name one model each, and its family has the stated architecture", () => {
  const names = listModels().flatMap((entry) => [entry.id, ...entry.aliases].map((name) => name.toLowerCase()));
  expect(new Set(names).size).toBe(names.length);
  for (const entry of listModels()) expect(architectureOf(entry.family)).toBe(entry.architecture);
});

test("finds by id and alias, in any case", () => {
  expect(findModel("Tiny-BERT")?.id).toBe("tiny-bert");
  expect(findModel("google-bert/bert-base-uncased")?.id).toBe("bert-base-uncased");
  expect(findModel("no-such-model")).toBeUndefined();
});

test("finds what people type, and repositories of the hub", () => {
  expect(["bert", "GPT-2", "t5", "whisper", "clip", "minilm"].map((name) => findModel(name)?.id)).toEqual([
    ...["bert-base-uncased", "gpt2", "t5-small", "whisper-tiny", "clip-vit-base-patch32", "all-minilm-l6-v2"],
  ]);
  expect(findModel("xenova/vit-base-patch16-224")?.id).toBe("vit-base-patch16-224");
});

test("each architecture has a model that is made here and one of the hub", () => {
  for (const architecture of architectures.filter((name) => name !== "unknown")) {
    const sources = listModels().filter((entry) => entry.architecture === architecture);
    expect(new Set(sources.map(({ origin }) => origin.source))).toEqual(new Set(["generated", "hub"]));
  }
});

test.each(generatedModelIds)("%s has the stated parameters, and in each precision the stated size", (id) => {
  const entry = findModel(id);
  for (const precision of sizedPrecisions) {
    const onnx = generateModel(id, { precision }).get(onnxCandidates(precision)[0]);
    expect(onnx?.length).toBe(entry?.fileBytes[precision]);
    expect(onnx && readOnnx(onnx).parameterCount).toBe(entry?.parameterCount);
  }
});

test("memory is the file and the tensors of the largest part of a layer", () => {
  const bert = findModel("bert-base-uncased");
  // 128 tokens · 4 bytes · (2 · 768 + the vocabulary), which is more than what attention and the feed-forward part hold.
  expect(bert && memoryBytes(bert, "fp16")).toBe(220e6 + 128 * 4 * (2 * 768 + 30_522));
  const shape = { layers: 2, hidden: 8, heads: 2, intermediate: 16, tokens: 10, outputs: 0, vocabulary: 0 };
  expect(activationBytes(shape)).toBe(4 * 10 * (16 + 32 + 40));
  expect(activationBytes({ ...shape, cached: true })).toBe(4 * 10 * (16 + 32 + 40 + 32));
});

test("a misspelt name gets near ones, a strange one the built-in ones", () => {
  expect(nearMatches("tiny-bret")[0]).toBe("tiny-bert");
  expect(nearMatches("vit-base-patch")).toContain("vit-base-patch16-224");
  expect(nearMatches("zzzzzzzzzzzzzzzz")).toEqual(generatedModelIds);
});

test("a family has one architecture", () => {
  expect(new Set(knownFamilies).size).toBe(knownFamilies.length);
});

test("detects families from config.json", () => {
  expect(detectFamily({ model_type: "whisper" })).toEqual({ family: "whisper", architecture: "speech" });
  expect(detectFamily({ model_type: "brand-new" })).toEqual({ family: "brand-new", architecture: "unknown" });
  expect(detectFamily({})).toEqual({ family: "unknown", architecture: "unknown" });
});
