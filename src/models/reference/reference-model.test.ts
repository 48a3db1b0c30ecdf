import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../base/index.ts";
import { generateModel, generatedModelIds } from "../generator/generated-model.ts";
import type { GeneratedModelId } from "../generator/generated-model.ts";
import { createFeeds, createSamples } from "../inputs.ts";
import type { Feeds, InputSpec } from "../inputs.ts";
import { onnxCandidates } from "../precision.ts";
import type { Precision } from "../precision.ts";
import type { Sample, SampleOptions } from "../samples.ts";
import { createReference } from "./reference-model.ts";

interface Loaded {
  readonly session: InferenceSession;
  readonly config: JsonObject;
  readonly onnx: Uint8Array;
  readonly inputs: readonly InputSpec[];
}

const loaded = new Map<string, Loaded>();
const reduced = ["fp16", "int8", "q4"] as const;
beforeAll(async () => {
  for (const id of generatedModelIds)
    for (const precision of ["fp32", ...reduced] as const) loaded.set(`${id} ${precision}`, await load(id, precision));
});
afterAll(async () => {
  for (const { session } of loaded.values()) await session.release();
});

async function load(id: GeneratedModelId, precision: Precision): Promise<Loaded> {
  const files = generateModel(id, { precision });
  const onnx = files.get(onnxCandidates(precision)[0]) ?? new Uint8Array();
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const inputs = session.inputMetadata.map((input) =>
    input.isTensor
      ? { name: input.name, type: input.type, dims: input.shape }
      : { name: input.name, type: "", dims: [] },
  );
  const config = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as JsonObject;
  return { session, config, onnx, inputs };
}

async function run(session: InferenceSession, feeds: Feeds): Promise<Record<string, Float32Array>> {
  const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
  const outputs = await session.run(Object.fromEntries(tensors) as Record<string, Tensor>);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

function get(id: GeneratedModelId, precision: Precision = "fp32"): Loaded {
  const model = loaded.get(`${id} ${precision}`);
  if (model === undefined) throw new Error(`${id} is not loaded`);
  return model;
}

/** The largest difference between any output of any sample and the formulas. */
async function difference(
  id: GeneratedModelId,
  samples: readonly Sample[],
  precision: Precision = "fp32",
): Promise<number> {
  const { session, config, onnx, inputs } = get(id, precision);
  const reference = createReference(config, onnx);
  const outputs = await run(session, createFeeds(samples, inputs));
  let largest = 0;
  samples.forEach((sample, index) => {
    for (const [name, expected] of Object.entries(reference?.outputs(sample) ?? {})) {
      const all = outputs[name] ?? new Float32Array();
      expect(all.length).toBe(expected.length * samples.length);
      expected.forEach((value, at) => {
        largest = Math.max(largest, Math.abs((all[index * expected.length + at] as number) - value));
      });
    }
  });
  return largest;
}

function samplesFor(id: GeneratedModelId, count: number, options: Partial<SampleOptions>): Sample[] {
  const { config, inputs } = get(id);
  return createSamples({ config, inputs }, count, { seed: 5, sequenceLength: 12, padding: true, ...options });
}

describe("the native runtime agrees with the formulas", () => {
  test.each(
    generatedModelIds.flatMap((id) =>
      [
        { batchSize: 1, sequenceLength: 1 },
        { batchSize: 2, sequenceLength: 33 },
        { batchSize: 5, sequenceLength: 8 },
      ].map((shape) => ({ id, ...shape })),
    ),
  )("$id, $batchSize × $sequenceLength tokens", async ({ id, batchSize, sequenceLength }) => {
    // A decoder's cache has no padding.
    const samples = samplesFor(id, batchSize, { sequenceLength, padding: id !== "tiny-gpt2" });
    expect(await difference(id, samples)).toBeLessThan(1e-4);
  });

  test("t5 at distances in the last bucket, and with texts of unlike lengths", async () => {
    expect(await difference("tiny-t5", samplesFor("tiny-t5", 1, { sequenceLength: 128 }))).toBeLessThan(1e-4);
    const uneven = samplesFor("tiny-t5", 2, { sequenceLength: 20 }).map((sample) =>
      sample.kind === "text-to-text" ? { ...sample, decoderInputIds: sample.decoderInputIds.slice(0, 7) } : sample,
    );
    expect(await difference("tiny-t5", uneven)).toBeLessThan(1e-4);
  });

  test("whisper on shorter recordings, also of an odd number of frames", async () => {
    for (const frames of [1, 34, 75]) {
      const short = samplesFor("tiny-whisper", 2, {}).map((sample): Sample => {
        if (sample.kind !== "speech") return sample;
        return { ...sample, features: sample.features.slice(0, 80 * frames), dims: [80, frames] };
      });
      expect(await difference("tiny-whisper", short)).toBeLessThan(1e-4);
    }
  });

  test("clip scores every image against every text", async () => {
    const { session, config, onnx, inputs } = get("tiny-clip");
    const samples = samplesFor("tiny-clip", 3, {});
    const embeddings = samples.map((sample) => createReference(config, onnx)?.outputs(sample) ?? {});
    const outputs = await run(session, createFeeds(samples, inputs));
    const expected = embeddings.flatMap(({ image_embeds: image = new Float64Array() }) =>
      embeddings.map(({ text_embeds: text }) => {
        const cosine = image.reduce((sum, value, index) => sum + value * (text?.[index] ?? NaN), 0);
        return Math.exp(2.6592) * cosine;
      }),
    );
    const logits = [...(outputs["logits_per_image"] ?? [])];
    expect(logits).toHaveLength(9);
    logits.forEach((logit, index) => expect(logit).toBeCloseTo(expected[index] ?? NaN, 4));
  });

  test("padding changes nothing that is not padded", async () => {
    const { session, inputs } = get("tiny-t5");
    const [sample] = samplesFor("tiny-t5", 1, { padding: false });
    if (sample?.kind !== "text-to-text") throw new Error("another sample was expected");
    const { inputIds, attentionMask } = sample.text;
    const padded: Sample = {
      ...sample,
      text: { kind: "text", inputIds: [...inputIds, 9, 9], attentionMask: [...attentionMask, 0, 0] },
    };
    const [alone, together] = [
      await run(session, createFeeds([sample], inputs)),
      await run(session, createFeeds([padded], inputs)),
    ].map((outputs) => [...(outputs["logits"] ?? [])]);
    alone?.forEach((value, index) => expect(together?.[index]).toBeCloseTo(value, 4));
  });
});

/**
 * Twice the largest difference over three seeds, three lengths and six samples each, on an x64 CPU. Outputs are up to 4.5, those of
 * tiny-clip, which have length 1, up to 0.4.
 */
const tolerances = { fp16: 1e-2, int8: 0.17, q4: 1.5 };

describe.each(reduced)("in %s", (precision) => {
  test.each(generatedModelIds)("%s differs from the 32-bit formulas, by no more than it should", async (id) => {
    const samples = samplesFor(id, 3, { sequenceLength: 24, padding: id !== "tiny-gpt2" });
    const found = await difference(id, samples, precision);
    expect(found).toBeLessThan(tolerances[precision] / (id === "tiny-clip" ? 10 : 1));
    expect(found).toBeGreaterThan(tolerances[precision] / 200);
  });
});

test("a reduced file of another version of the generator has no reference", () => {
  const { config, onnx } = get("tiny-vit", "int8");
  expect(createReference(config, onnx)).toBeDefined();
  const other = { ...config, assay_generated: { generator_version: 0, seed: 1 } };
  expect(createReference(other, onnx)).toBeUndefined();
});

test("a sample of another kind is refused", () => {
  const { config, onnx } = get("tiny-whisper");
  const [text] = samplesFor("tiny-bert", 1, {});
  expect(() => text && createReference(config, onnx)?.outputs(text)).toThrow("another kind");
});
