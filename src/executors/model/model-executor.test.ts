import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { resultDocument } from "../../contracts/index.ts";
import type { TaskSpec, TaskSpecInput } from "../../contracts/index.ts";
import { createPlatform } from "../../platform/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ProgressReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { ModelExecutor } from "./model-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
const executor = new ModelExecutor({ platform });
/** Shared, so that a generated model is made once. */
let cacheDir: string;
let attempt: ScratchAttempt;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-model-cache-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));
beforeEach(async () => {
  await begin({ cacheDir, hardware: "cpu" });
});
afterEach(() => attempt.remove());

/** Takes the place of the attempt that each test begins with. */
async function begin(changes: Partial<ExecutionContext> = {}): Promise<void> {
  await attempt?.remove();
  attempt = await scratchAttempt(changes);
}

function modelTask(config: Partial<Extract<TaskSpecInput, { type: "model" }>["config"]> = {}): TaskSpec {
  return scratchTask({
    type: "benchmark",
    config: {
      model: "tiny-bert",
      iterations: 2,
      warmup_iterations: 0,
      sequence_length: 8,
      batch_sizes: [1, 2],
      launches: 1,
      ...config,
    },
    resources: { cpu: 1 },
  });
}

test("a model runs, with numbers, evidence and progress", async () => {
  const report = await executor.execute(modelTask(), attempt.context);
  expect(report).toMatchObject({
    status: "completed",
    hardware: "cpu",
    provenance: { kind: "real", proven: true, requested_backend: "ort-node/cpu" },
    results: { runtime: { threads: 1 }, batch_sizes: { "1": {}, "2": {} } },
  });
  expect(
    report.metrics?.filter(({ name }) => name === "throughput_items_per_second").map(({ batch_size }) => batch_size),
  ).toEqual([1, 2]);
  expect(attempt.progress).toEqual([
    { fraction: 0, message: "loading the model" },
    { fraction: 1 / 3, message: "batch size 1" },
    { fraction: 2 / 3, message: "batch size 1", payload: expect.stringContaining('"batchSize":1') },
    { fraction: 2 / 3, message: "batch size 2" },
    { fraction: 1, message: "batch size 2", payload: expect.stringContaining('"batchSize":2') },
  ]);
  expect(report.recovery?.filter(({ strategy }) => strategy !== "measure_again")).toEqual([]);
  expect(report.metrics?.find(({ name }) => name === "process_start_ms")?.value).toBeGreaterThan(0);
  const { metrics, results, provenance, hardware } = report;
  const facts = { task_id: "task-1", worker_id: "worker-1", status: "completed", execution_time_seconds: 1 };
  expect(() => resultDocument.parse({ ...facts, metrics, results, provenance, hardware })).not.toThrow();
});

test("power is watched while iterations are timed, round by round, and stands beside the other figures", async () => {
  const seen: string[] = [];
  const watchPower: Platform["watchPower"] = ({ gpus }) => {
    seen.push(`begin, GPUs ${JSON.stringify(gpus)}`);
    return Promise.resolve({
      ...{ intervalMs: 100, cpu: { source: "RAPL" }, gpu: null },
      span: () => {
        seen.push("span");
        return () => {
          seen.push("end");
          return { cpuWatts: 15, gpu: null };
        };
      },
      stop: () => void seen.push("stop"),
    });
  };
  const powered = new ModelExecutor({ platform: Object.assign(Object.create(platform) as Platform, { watchPower }) });
  const task = modelTask({ batch_sizes: [1], launches: 2 });
  const { results, metrics, hardwareMetrics, status } = await powered.execute(task, attempt.context);
  powered.close();
  expect(status).toBe("completed");
  // At least once in each launch.
  expect(seen.join("; ")).toMatch(/^begin, GPUs null(; span; end){2,}; stop$/);
  const figure = (name: string): unknown => metrics?.find((one) => one.name === name && one.batch_size === 1)?.value;
  expect([figure("power_w"), figure("cpu_power_w"), figure("gpu_power_w")]).toEqual([15, 15, undefined]);
  expect(figure("energy_j_per_item")).toBeCloseTo(15 / Number(figure("throughput_items_per_second")));
  expect(hardwareMetrics).toMatchObject({ power_consumption_watts: 15 });
  expect(results).toMatchObject({
    conditions: { power: { interval_ms: 100, cpu: { source: "RAPL" }, gpu: null } },
    batch_sizes: { "1": { power_w: 15, launches: [{}, {}] } },
  });
});

test("a model that does not exist is a setup failure", async () => {
  const report = await executor.execute(modelTask({ model: "no-such-model" }), attempt.context);
  expect(report).toMatchObject({ status: "failed", failure: { class: "setup" }, provenance: { proven: false } });
  expect(report.failure?.message).toContain("no-such-model");
  expect(report.partial).toBeUndefined();
});

test("a platform that no runtime serves is a setup failure", async () => {
  await begin({ cacheDir, hardware: "qnn" });
  expect(await executor.execute(modelTask(), attempt.context)).toMatchObject({
    status: "failed",
    failure: { class: "setup", reason: "backend_unavailable" },
  });
});

/** The inference process that this one has started; undefined once it is gone. */
function inferenceProcess(): number | undefined {
  return platform.processes
    .descendants(process.pid)
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("executors/model/runner"));
}

const seesProcesses = process.platform === "linux";
if (!seesProcesses) console.warn("processes cannot be listed on this system: none is killed");

test.runIf(seesProcesses)(
  "a killed inference process fails its attempt alone, and the next goes on from there",
  async () => {
    const seen: ProgressReport[] = [];
    let pid: number | undefined;
    await begin({
      cacheDir,
      hardware: "cpu",
      progress: (report) => {
        seen.push(report);
        if (report.message !== "batch size 2" || pid !== undefined) return;
        pid = inferenceProcess();
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      },
    });
    const task = modelTask({ min_duration_seconds: 1 });
    const failed = await executor.execute(task, attempt.context);
    expect(failed).toMatchObject({
      status: "failed",
      failure: { class: "crash", message: expect.stringContaining("SIGKILL") },
      results: { batch_sizes: { "1": {} } },
      partial: true,
    });
    expect(failed.metrics).toContainEqual(expect.objectContaining({ name: "latency_ms_p50", batch_size: 1 }));
    expect(inferenceProcess()).toBeUndefined();
    const resumed = seen.findLast(({ payload }) => payload !== undefined)?.payload ?? null;
    await begin({ cacheDir, hardware: "cpu", resumed });
    const next = await executor.execute(task, attempt.context);
    expect(next).toMatchObject({
      status: "completed",
      results: { resume: { batch_sizes: [1] }, batch_sizes: { "1": {}, "2": {} } },
      provenance: { proven: true },
    });
    expect(next.partial).toBeUndefined();
    expect(attempt.progress.map(({ message }) => message)).not.toContain("batch size 1");
  },
);

test("what another task left is not used, and the result says why", async () => {
  await begin({ cacheDir, hardware: "cpu", resumed: "something else" });
  expect(await executor.execute(modelTask({ batch_sizes: [1] }), attempt.context)).toMatchObject({
    status: "completed",
    results: { resume: { ignored: expect.stringContaining("not a checkpoint") }, batch_sizes: { "1": {} } },
  });
});

test("a platform that was not the first choice is told, with the reason", async () => {
  await begin({ cacheDir, hardware: "wasm" });
  const task = { ...modelTask({ batch_sizes: [1] }), requirements: { hardware: ["cuda" as const, "wasm" as const] } };
  expect(await executor.execute(task, attempt.context)).toMatchObject({
    status: "completed",
    hardware: "wasm",
    recovery: [{ strategy: "fallback_hardware", message: expect.stringContaining("no worker with cuda") }],
  });
});

test("told to stop, it reports what it measured until then", async () => {
  const controller = new AbortController();
  await begin({
    cacheDir,
    signal: controller.signal,
    progress: ({ message }) => {
      if (message === "batch size 2") controller.abort("timeout");
    },
  });
  const report = await executor.execute(modelTask({ min_duration_seconds: 1, batch_sizes: [1, 2] }), attempt.context);
  expect(report).toMatchObject({ status: "timed_out", failure: { class: "timeout" }, partial: true });
  expect(Object.keys(report.results?.["batch_sizes"] ?? {})).toEqual(["1"]);
});

test("capabilities are proven by running a model on each backend", async () => {
  const facts = { ...(await platform.facts()), gpus: [] };
  const capabilities = await executor.capabilities({ facts, cacheDir, env: process.env, clock: systemClock });
  expect(capabilities.hardware).toEqual(expect.arrayContaining(["cpu", "wasm"]));
  expect(capabilities.runtimes.map(({ runtime, backend, available }) => [runtime, backend, available])).toEqual([
    ["onnxruntime-node", "ort-node/cpu", true],
    ["onnxruntime-web", "ort-web/wasm", true],
  ]);
  expect(Object.keys(capabilities.software)).toEqual(["onnxruntime-node", "onnxruntime-web"]);
});
