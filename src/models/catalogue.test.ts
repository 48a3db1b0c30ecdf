import { expect, test } from "vitest";
import { architectureOf, detectFamily } from "./architectures.ts";
import { generatedModelIds } from "./generator/generated-model.ts";
import { findModel, listModels, nearMatches } from "./catalogue.ts";

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

test("a misspelt name gets near ones, a strange one the built-in ones", () => {
  expect(nearMatches("tiny-bret")[0]).toBe("tiny-bert");
  expect(nearMatches("vit-base")).toContain("vit-base-patch16-224");
  expect(nearMatches("zzzzzzzzzzzzzzzz")).toEqual(generatedModelIds);
});

test("detects families from config.json", () => {
  expect(detectFamily({ model_type: "whisper" })).toEqual({ family: "whisper", architecture: "speech" });
  expect(detectFamily({ model_type: "brand-new" })).toEqual({ family: "brand-new", architecture: "unknown" });
  expect(detectFamily({})).toEqual({ family: "unknown", architecture: "unknown" });
});
