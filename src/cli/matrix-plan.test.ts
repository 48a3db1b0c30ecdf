import { describe, expect, it } from "vitest";
import { chosenModels } from "./matrix-plan.ts";

describe("chosenModels", () => {
  it("takes the models that need no network when none is named", () => {
    expect(chosenModels({})).toEqual([
      ...["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"],
    ]);
  });

  it("takes exactly the named ones", () => {
    expect(chosenModels({ models: ["./my-model", "gpt2"] })).toEqual(["./my-model", "gpt2"]);
  });

  it("selects by architecture, from the hub only when asked", () => {
    expect(chosenModels({ architectures: ["vision"] })).toEqual(["tiny-vit"]);
    expect(chosenModels({ architectures: ["vision"], all: true })).toContain("vit-base-patch16-224");
    expect(() => chosenModels({ architectures: ["unknown"] })).toThrow(
      /no model that works offline has the architecture unknown/,
    );
  });
});
