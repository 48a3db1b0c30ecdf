import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../src/base/index.ts";
import { runModel } from "../src/executors/model/model-driver.ts";
import { RunnerPool } from "../src/executors/model/runner-pool.ts";
import { quantile } from "../src/stats/index.ts";

const ROUNDS = 10;
/** A process that waits is there long before the next task comes. */
const READY_MS = 3_000;

/** From the order to run a model until its first inference, in a process that waited, beyond what the session itself takes: milliseconds. */
export async function warmStartMs(model: string, cacheDir: string): Promise<number> {
  const runners = new RunnerPool(systemClock);
  const backend = "ort-node/cpu";
  const request = {
    model,
    cacheDir,
    backend,
    precision: "fp32",
    batchSizes: [1],
    iterations: 1,
    minDurationMs: 0,
    warmupIterations: 0,
    sequenceLength: 128,
    seed: 0,
    measuresOnly: true,
  } as const;
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    runners.prepare(process.env, backend);
    await delay(READY_MS);
    const startMs = performance.now();
    const seen = { firstMs: NaN, loadMs: NaN };
    await runModel(request, {
      env: process.env,
      clock: systemClock,
      runners,
      onProgress: (progress) => {
        if (progress.stage === "first_inference") seen.firstMs = performance.now() - startMs;
        if (progress.stage === "loaded") seen.loadMs = progress.load.loadMs;
      },
    });
    times.push(seen.firstMs - seen.loadMs);
  }
  return quantile(times, 0.5);
}
