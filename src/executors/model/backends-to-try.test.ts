import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { createPlatform } from "../../platform/index.ts";
import type { PlatformFacts } from "../../platform/index.ts";
import { backendsToTry } from "./backends-to-try.ts";
import type { BackendWish } from "./backends-to-try.ts";

const machine = await createPlatform({ diskPath: tmpdir(), env: process.env }).facts();

function tried(facts: { gpus?: string[]; platform?: string }, ...wishes: BackendWish[]): string[] {
  const gpus = (facts.gpus ?? []).map((vendor) => ({ vendor })) as PlatformFacts["gpus"];
  const os = { ...machine.os, platform: facts.platform ?? "linux" } as PlatformFacts["os"];
  return backendsToTry({ ...machine, os, gpus }, wishes);
}

test("PyTorch is tried on GPUs that it computes on, or when asked for", () => {
  expect(tried({})).toEqual(["ort-node/cpu", "ort-web/wasm"]);
  expect(tried({ gpus: ["NVIDIA"] })).toContain("torch/cuda");
  expect(tried({ gpus: ["AMD"] })).toContain("torch/rocm");
  expect(tried({ gpus: ["NVIDIA"] })).not.toContain("torch/rocm");
  expect(tried({ platform: "darwin" })).toContain("torch/mps");
  expect(tried({}, "torch/cpu")).toEqual(["ort-node/cpu", "ort-web/wasm", "torch/cpu"]);
  expect(tried({}, "torch").filter((name) => name.startsWith("torch/"))).toEqual([
    ...["torch/cpu", "torch/cuda", "torch/rocm", "torch/mps", "torch/xla"],
  ]);
});

test("Transformers.js is tried when asked for", () => {
  expect(tried({ gpus: ["NVIDIA"] }).filter((name) => name.startsWith("transformers-js/"))).toEqual([]);
  expect(tried({}, "transformers-js").filter((name) => name.startsWith("transformers-js/"))).toEqual([
    ...["transformers-js/cpu", "transformers-js/cuda", "transformers-js/webgpu"],
  ]);
});

test("a browser is tried with all its backends when asked for, and all there are with `all`", () => {
  expect(tried({}, "firefox")).toEqual(["ort-node/cpu", "ort-web/wasm", "firefox/wasm", "firefox/webgpu"]);
  expect(tried({}, "all")).toEqual(expect.arrayContaining(["chromium/webnn", "torch/xla", "ort-node/dml"]));
});
