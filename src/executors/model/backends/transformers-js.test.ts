import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFeeds, createSamples, resolveModel } from "../../../models/index.ts";
import { InferenceRun } from "../inference-run.ts";
import type { FinalMessage, ModelRunReport, ModelRunRequest } from "../messages.ts";
import { modelProvenance } from "../model-provenance.ts";
import { nodeHost } from "../node-host.ts";
import { loadTransformersJs, transformersJsBackend } from "./transformers-js.ts";

const models = ["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-transformers-js-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(changes: Partial<ModelRunRequest>): Promise<FinalMessage> {
  const request: ModelRunRequest = {
    model: "tiny-bert",
    cacheDir: folder,
    precision: "fp32",
    backend: "transformers-js/cpu",
    threads: 1,
    batchSizes: [1, 4],
    iterations: 3,
    minDurationMs: 0,
    warmupIterations: 1,
    sequenceLength: 12,
    seed: 3,
    ...changes,
  };
  const control = { signal: new AbortController().signal, progress: () => undefined };
  return new InferenceRun(request, nodeHost({ startedMs: 1 }), control).outcome();
}

async function completed(changes: Partial<ModelRunRequest>): Promise<ModelRunReport> {
  const outcome = await run(changes);
  if (outcome.type !== "completed") throw new Error(JSON.stringify(outcome));
  return outcome.report;
}

test.each(models)("%s is proven against the reference, with all of its nodes on the provider", async (model) => {
  const report = await completed({ model });
  expect(modelProvenance(report)).toMatchObject({ proven: true, observed_backend: "transformers-js/cpu" });
  expect(report.batches.map(({ check }) => check)).toMatchObject([{ reference: "float64" }, { samplesCompared: 4 }]);
  expect(Object.keys(report.placement ?? {})).toEqual(["CPUExecutionProvider"]);
  expect(report.load.backend).toMatchObject({
    runtime: "@huggingface/transformers",
    runtimeVersion: expect.stringMatching(/^4\.\S+ on onnxruntime-node 1\./),
    threads: 1,
  });
  expect(report.generation?.cacheMatches).toBe(model === "tiny-gpt2" ? true : undefined);
});

test.each(["fp16", "int8", "q4"] as const)("the file of %s is the one that is loaded", async (precision) => {
  const report = await completed({ model: "tiny-gpt2", precision, batchSizes: [1] });
  expect(report.load.model.precision).toBe(precision);
  expect(modelProvenance(report).proven).toBe(true);
});

/** A copy of a built-in model's folder, with some of a file in it changed. */
async function changedModel(id: string, file: string, changes: object): Promise<string> {
  const copy = await mkdtemp(join(folder, "changed-"));
  await cp((await resolveModel(id, { cacheDir: folder })).path, copy, { recursive: true });
  const content = JSON.parse(await readFile(join(copy, file), "utf8")) as object;
  await writeFile(join(copy, file), JSON.stringify({ ...content, ...changes }));
  return copy;
}

test("a file beside its config, of a class that the library does not have, is loaded as well", async () => {
  const model = await changedModel("tiny-bert", "config.json", { architectures: ["env", "OurOwnBert"] });
  await rename(join(model, "onnx", "model.onnx"), join(model, "model.onnx"));
  expect(modelProvenance(await completed({ model, batchSizes: [2] })).proven).toBe(true);
});

test("text is generated greedily and to its length, whatever the model's own configuration says", async () => {
  const own = { do_sample: true, temperature: 9, repetition_penalty: 50, eos_token_id: [...Array(288).keys()] };
  const model = await changedModel("tiny-gpt2", "generation_config.json", own);
  const { generation } = await completed({ model, batchSizes: [1] });
  expect(generation).toMatchObject({ cacheMatches: true, newTokens: 16, tpotMs: { count: 45 } });
});

test("what cannot be loaded has the reason of its class, and nothing is fetched", async () => {
  // A class that wants more files than one.
  const parts = { model_type: "sam", architectures: ["SamModel"] };
  const incomplete = await changedModel("tiny-bert", "config.json", parts);
  expect(await run({ model: incomplete })).toMatchObject({
    failure: { class: "model_file_missing", message: expect.stringContaining("vision_encoder.onnx") },
  });
  expect(await run({ backend: "transformers-js/cuda" })).toMatchObject({ failure: { class: "backend_unavailable" } });
});

test("a session that was disposed of is gone", async () => {
  const model = await resolveModel("tiny-bert", { cacheDir: folder });
  const session = await (await transformersJsBackend("transformers-js/cpu", 1)).create(model);
  const shape = { config: model.config, inputs: session.inputs };
  const samples = createSamples(shape, 1, { seed: 1, sequenceLength: 8, padding: false });
  const bound = await session.bind(createFeeds(samples, session.inputs));
  await bound.run();
  await session.dispose();
  await expect(bound.run()).rejects.toThrow();
});

test("the folders of built-in models are whole for the library: tokenizers and processors too", async () => {
  const { AutoProcessor, AutoTokenizer, pipeline, RawImage } = await loadTransformersJs();
  const path = async (id: string): Promise<string> => (await resolveModel(id, { cacheDir: folder })).path;
  const generate = await pipeline("text-generation", await path("tiny-gpt2"), { device: "cpu", dtype: "fp32" });
  expect(JSON.stringify(await generate("a small test", { max_new_tokens: 2 }))).toContain("a small test");
  await generate.dispose();
  for (const id of ["tiny-bert", "tiny-t5", "tiny-whisper", "tiny-clip"]) {
    const tokenizer = await AutoTokenizer.from_pretrained(await path(id));
    const ids = tokenizer.encode("a small test");
    expect(tokenizer.decode(ids, { skip_special_tokens: true })).toBe("a small test");
  }
  const picture = new RawImage(new Uint8ClampedArray(40 * 40 * 3), 40, 40, 3);
  for (const id of ["tiny-vit", "tiny-clip"]) {
    const processor = await AutoProcessor.from_pretrained(await path(id));
    expect(await processor(picture)).toMatchObject({ pixel_values: { dims: [1, 3, 32, 32] } });
  }
  const listener = await AutoProcessor.from_pretrained(await path("tiny-whisper"));
  expect(await listener(new Float32Array(32_000))).toMatchObject({ input_features: { dims: [1, 80, 200] } });
});
