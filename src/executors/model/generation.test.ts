import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFeeds, createReference, createSamples, resolveModel } from "../../models/index.ts";
import type { Feeds, ModelFolder, Sample, TensorData } from "../../models/index.ts";
import type { FinishedRun, GeneratedTokens, Outputs, Session } from "./backends/backend.ts";
import { ortNodeBackend } from "./backends/ort-node.ts";
import { BatchChecker } from "./batch-checker.ts";
import { canGenerate, measureGeneration } from "./generation.ts";

/** Sessions of the native runtime in this process: what a broken runtime would do is put between them and the code under test. */
let cacheDir: string;
const sessions: Session[] = [];
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-inference-"));
});
afterAll(async () => {
  for (const session of sessions) await session.dispose();
  await rm(cacheDir, { recursive: true, force: true });
});

async function open(id: string): Promise<{ model: ModelFolder; session: Session; samples: Sample[] }> {
  const model = await resolveModel(id, { cacheDir });
  const backend = await ortNodeBackend("ort-node/cpu", 1);
  const session = await backend.create(model);
  sessions.push(session);
  const options = { seed: 3, sequenceLength: 12, padding: model.architecture !== "decoder-only" };
  return { model, session, samples: createSamples({ config: model.config, inputs: session.inputs }, 4, options) };
}

/** The same session with its outputs changed. */
function tampered(session: Session, change: (outputs: Outputs) => Outputs): Session {
  const run = async (feeds: Feeds): Promise<FinishedRun> => {
    const outputs = await outputsOf(session, feeds);
    return { elapsedMs: 1, outputs: async () => change(outputs) };
  };
  return { ...session, bind: async (feeds) => ({ run: () => run(feeds) }) };
}

async function outputsOf(session: Session, feeds: Feeds): Promise<Outputs> {
  const bound = await session.bind(feeds);
  return (await bound.run()).outputs();
}

function changed(tensor: TensorData | undefined, change: (value: number, index: number) => number): TensorData {
  if (tensor?.type !== "float32") throw new Error("a float tensor was expected");
  return { ...tensor, data: tensor.data.map(change) };
}

describe("generation", () => {
  const cancellationPoint = (): Promise<void> => Promise.resolve();
  const plan = { prompt: [5, 40, 7, 99, 12], repeats: 2, tolerance: 1e-4 };

  test("gives the same tokens with and without the cache, and times each step", async () => {
    const { session } = await open("tiny-gpt2");
    expect(canGenerate(session)).toBe(true);
    const report = await measureGeneration(session, plan, cancellationPoint);
    expect(report).toMatchObject({ promptTokens: 5, newTokens: 16, cacheMatches: true });
    expect(report.ttftMs.count).toBe(2);
    expect(report.tpotMs.count).toBe(30);
    expect(report.tokensPerSecond).toBeGreaterThan(0);
  });

  test.each([
    ["keys", "present.1.key"],
    ["values", "present.1.value"],
  ])("a cache with wrong %s is found out", async (_name, output) => {
    const { session } = await open("tiny-gpt2");
    const broken = tampered(session, (outputs) => ({
      ...outputs,
      [output]: changed(outputs[output], (value, index) => (index % 2 === 0 ? -value : value)),
    }));
    await expect(measureGeneration(broken, plan, cancellationPoint)).rejects.toThrow("with the cache gives token");
  });

  test("what a runtime generates by itself is compared as well", async () => {
    const { session } = await open("tiny-gpt2");
    const generate = async (): Promise<GeneratedTokens> => ({ tokens: Array(16).fill(1), stepsMs: Array(16).fill(1) });
    const other = measureGeneration({ ...session, generate }, plan, cancellationPoint);
    await expect(other).rejects.toThrow("with the cache gives token 1 at step 0");
  });

  test("an encoder does not generate", async () => {
    expect(canGenerate((await open("tiny-bert")).session)).toBe(false);
  });
});

describe("BatchChecker", () => {
  async function checked(id: string, change: (outputs: Outputs) => Outputs): Promise<() => unknown> {
    const { model, session, samples } = await open(id);
    const reference = createReference(model.config, await readFile(model.modelFile));
    const checker = new BatchChecker({ reference, samples: () => samples, tolerance: 1e-4, leastCosine: 0.999 });
    const outputs = change(await outputsOf(session, createFeeds(samples, session.inputs)));
    return () => checker.check(outputs, samples.length);
  }

  test.each(["tiny-bert", "tiny-gpt2", "tiny-vit"])("%s: right outputs pass", async (id) => {
    const check = await checked(id, (outputs) => outputs);
    expect(check()).toMatchObject({ reference: "float64", samplesCompared: 4, maxAbsError: expect.closeTo(0, 4) });
  });

  test("one number out of thousands that is off by 0.001 is found", async () => {
    const check = await checked("tiny-bert", (outputs) => ({
      last_hidden_state: changed(outputs["last_hidden_state"], (value, at) => (at === 1_234 ? value + 1e-3 : value)),
    }));
    expect(check).toThrow("differs from the reference by 0.00");
  });

  test("samples in the wrong order are found", async () => {
    const check = await checked("tiny-vit", (outputs) => {
      const logits = outputs["logits"];
      if (logits?.type !== "float32") throw new Error("logits were expected");
      return { logits: { ...logits, data: Float32Array.from([...logits.data].reverse()) } };
    });
    expect(check).toThrow("differs from the reference");
  });

  test("a runtime that ignores the padding mask is found", async () => {
    const { model, session, samples } = await open("tiny-bert");
    const reference = createReference(model.config, await readFile(model.modelFile));
    const feeds = createFeeds(samples, session.inputs);
    const mask = feeds["attention_mask"];
    if (mask?.type !== "int64") throw new Error("a mask was expected");
    const outputs = await outputsOf(session, { ...feeds, attention_mask: { ...mask, data: mask.data.map(() => 1n) } });
    const checker = new BatchChecker({ reference, samples: () => samples, tolerance: 1e-4, leastCosine: 0.999 });
    expect(() => checker.check(outputs, samples.length)).toThrow("differs from the reference");
  });

  test("every output that has a reference is compared in the timed iterations, too", async () => {
    const { model, session, samples } = await open("tiny-clip");
    const reference = createReference(model.config, await readFile(model.modelFile));
    const checker = new BatchChecker({ reference, samples: () => samples, tolerance: 1e-4, leastCosine: 0.999 });
    const outputs = await outputsOf(session, createFeeds(samples, session.inputs));
    const names = Object.keys(reference?.outputs(samples[0] as Sample) ?? {});
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const timed = { ...outputs, [name]: changed(outputs[name], (value, index) => (index === 7 ? NaN : value)) };
      expect(() => checker.recheck([outputs, timed], outputs)).toThrow(`the output "${name}" of a timed iteration`);
    }
    expect(checker.recheck([outputs], outputs)).toBe(0);
  });

  test("zeros are found without a reference, too", async () => {
    const { session, samples } = await open("tiny-vit");
    const outputs = await outputsOf(session, createFeeds(samples, session.inputs));
    const checker = new BatchChecker({
      reference: undefined,
      samples: () => samples,
      tolerance: 1e-4,
      leastCosine: 0.999,
    });
    expect(checker.check(outputs, samples.length)).toMatchObject({ reference: "none", maxAbsError: null });
    expect(() => checker.check({ logits: changed(outputs["logits"], () => 0) }, 4)).toThrow("is all zero");
    expect(() => checker.recheck([{ logits: changed(outputs["logits"], (v) => v + 1) }], outputs)).toThrow("differs");
  });
});
