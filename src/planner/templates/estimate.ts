import { memoryBytes, sizedPrecisions } from "../../models/index.ts";
import type { ModelFacts } from "../../models/index.ts";
import { batchSizesOf, launchesOf } from "../../contracts/index.ts";
import type { Hardware, TaskSpec } from "../../contracts/index.ts";

/** What a task is expected to need; null where the model's sizes are not known. */
export interface Estimate {
  memoryGb: number | null;
  seconds: number | null;
}

/** A Node process with its runtime. */
const RUNTIME_BYTES = 150e6;
/** Until a process has loaded its runtime and begins with the model. */
const START_SECONDS = 3;
const DOWNLOAD_BYTES_PER_SECOND = 10e6;
/**
 * Operations on 32-bit floats in a second, by order of magnitude: two cores did 37e9 natively and 2e9 in WebAssembly (tiny-bert). GPUs
 * differ too much for more; software that stands in for one is a thousand times slower.
 */
const SPEED: Partial<Record<Hardware, number>> = { cpu: 20e9, wasm: 2e9 };
const ACCELERATOR_SPEED = 500e9;

/** Of a task that runs a model on a platform; `isFirst`: it also has to fetch the model. */
export function estimateOf(
  task: TaskSpec,
  { model, hardware, isFirst }: { model: ModelFacts; hardware: Hardware; isFirst: boolean },
): Estimate {
  const { entry } = model;
  if ((task.type !== "model" && task.type !== "benchmark") || entry === undefined)
    return { memoryGb: null, seconds: null };
  const { config } = task;
  // Sizes of bf16 are those of fp16: both have two bytes.
  const precision = sizedPrecisions.find((one) => one === config.precision) ?? "fp16";
  // A search goes on until something does not fit, so only what was asked for has to.
  const bytes = RUNTIME_BYTES + memoryBytes(entry, precision, Math.max(...config.batch_sizes));
  // Each parameter multiplies and adds once for a token.
  const perSample = (2 * entry.parameterCount * entry.shape.tokens) / (SPEED[hardware] ?? ACCELERATOR_SPEED);
  const repeats = config.iterations + config.warmup_iterations;
  const timed = batchSizesOf(config).map((size) => Math.max(config.min_duration_seconds, repeats * size * perSample));
  const download =
    isFirst && entry.origin.source === "hub" ? entry.fileBytes[precision] / DOWNLOAD_BYTES_PER_SECOND : 0;
  return {
    memoryGb: Math.ceil(bytes / 1e8) / 10,
    seconds: download + launchesOf(task) * START_SECONDS + timed.reduce((sum, one) => sum + one, 0),
  };
}
