import { describe, expect, it } from "vitest";
import { chosenModels, isWanted } from "./matrix-plan.ts";

describe("chosenModels", () => {
  it("takes the models that need no network when none is named", () => {
    expect(chosenModels({})).toEqual([
      ...["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"],
    ]);
  });

  it("takes exactly the named ones, each once and under its id", () => {
    expect(chosenModels({ models: ["./my-model", "openai-community/gpt2", "gpt2"] })).toEqual(["./my-model", "gpt2"]);
  });

  it("selects by architecture, from the hub only when asked", () => {
    expect(chosenModels({ architectures: ["vision"] })).toEqual(["tiny-vit"]);
    expect(chosenModels({ architectures: ["vision"], hub: true })).toContain("vit-base-patch16-224");
    expect(() => chosenModels({ architectures: ["unknown"] })).toThrow(
      /no model that works offline has the architecture unknown/,
    );
  });
});

describe("isWanted", () => {
  const webgpu = { backend: "headless-shell/webgpu", hardware: "webgpu" };

  it.each([
    [{}, true],
    [{ backends: ["all"] }, true],
    [{ backends: ["headless-shell"] }, true],
    [{ backends: ["ort-node/cpu", "headless-shell/webgpu"] }, true],
    [{ backends: ["chromium", "headless-shell/wasm"] }, false],
    [{ hardware: ["webgpu"] }, true],
    [{ hardware: ["cpu"], backends: ["all"] }, false],
  ] as const)("by %j: %s", (filter, expected) => {
    expect(isWanted(webgpu, filter)).toBe(expected);
  });
});
