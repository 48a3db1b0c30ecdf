import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AssignItem } from "../contracts/index.ts";
import { createExecutors } from "../executors/index.ts";
import { lease, WorkerBench } from "./worker-acceptance.ts";

let bench: WorkerBench;
beforeEach(async () => {
  bench = await WorkerBench.open();
});
afterEach(() => bench.close());

const benchmark = (seq: number): AssignItem => ({
  ...lease(seq, {
    task_id: "tiny",
    type: "benchmark",
    requirements: { hardware: ["cpu"] },
    config: { model: "tiny-vit", batch_sizes: [1, 64], iterations: 2, sequence_length: 8, warmup_iterations: 0 },
    resources: { cpu: 1 },
  }),
  attempt: seq,
  hardware: "cpu",
});

/** The inference process that is running now. */
function inferenceProcess(): number | undefined {
  return WorkerBench.platform.processes
    .descendants(process.pid)
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("executors/model/runner"));
}

/** Runtimes take seconds to load, on a busy machine many. */
const TIME_LIMIT_MS = 120_000;
const soon = (expectations: () => void): Promise<void> =>
  vi.waitFor(expectations, { timeout: TIME_LIMIT_MS, interval: 20 });

const linux = process.platform === "linux";
if (!linux) console.warn("processes cannot be listed on this system: none is killed");

test.runIf(linux).each(["SIGKILL", "SIGSEGV"])(
  "a model process that ends by %s fails its attempt; the worker lives, and its next attempt goes on from there",
  async (signal) => {
    await bench.start({ executors: createExecutors({ platform: WorkerBench.platform }) });
    const { coordinator } = bench;
    await coordinator.connected();
    coordinator.assign(benchmark(1));
    const payload = (): string | undefined => coordinator.all("progress").findLast((frame) => frame.payload)?.payload;
    await soon(() => expect(payload()).toContain('"batchSize":1'));
    const pid = inferenceProcess();
    if (pid === undefined) throw new Error("the inference process was expected to run");
    process.kill(pid, signal);
    await soon(() => expect(coordinator.finished).toHaveLength(1));
    expect(coordinator.finished[0]?.result).toMatchObject({
      status: "failed",
      failure: { class: "crash", message: expect.stringContaining(signal) },
      results: { batch_sizes: { "1": {} } },
      metrics: expect.arrayContaining([expect.objectContaining({ name: "latency_ms_p50", batch_size: 1 })]),
    });
    expect(coordinator.seats).toHaveLength(1);
    coordinator.assign({ ...benchmark(2), payload: payload() ?? "" });
    await soon(() => expect(coordinator.finished).toHaveLength(2));
    expect(coordinator.finished[1]?.result).toMatchObject({
      status: "completed",
      results: { resume: { batch_sizes: [1] }, batch_sizes: { "1": {}, "64": {} } },
    });
    expect(coordinator.seats).toHaveLength(1);
  },
  TIME_LIMIT_MS,
);
