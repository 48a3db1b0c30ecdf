/**
 * The loop that anyone would write: a model, its runtime, a clock. A process of its own; prints the median in milliseconds.
 * Arguments: cache folder, model, batch size, sequence length, iterations, warm-up.
 */
import { availableParallelism } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { createFeeds, createSamples, resolveModel } from "../src/models/index.ts";
import { quantile } from "../src/stats/index.ts";

const [cacheDir = "", name = "", ...numbers] = process.argv.slice(2);
const [batchSize = 1, sequenceLength = 128, iterations = 100, warmup = 10] = numbers.map(Number);
const model = await resolveModel(name, { cacheDir });
const session = await InferenceSession.create(model.modelFile, {
  executionProviders: ["cpu"],
  intraOpNumThreads: availableParallelism(),
  interOpNumThreads: 1,
});
const inputs = session.inputMetadata.flatMap((input) =>
  input.isTensor ? [{ name: input.name, type: input.type, dims: input.shape }] : [],
);
const samples = createSamples({ config: model.config, inputs }, batchSize, { seed: 0, sequenceLength, padding: true });
const tensors = Object.fromEntries(
  Object.entries(createFeeds(samples, inputs)).map(([input, { type, data, dims }]) => [
    input,
    type === "int64"
      ? new Tensor("int64", data as BigInt64Array, dims)
      : new Tensor("float32", data as Float32Array, dims),
  ]),
);
const times: number[] = [];
for (let index = 0; index < warmup + iterations; index += 1) {
  const startMs = performance.now();
  await session.run(tensors);
  if (index >= warmup) times.push(performance.now() - startMs);
}
await session.release();
console.log(JSON.stringify({ p50_ms: quantile(times, 0.5) }));
