import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { resultDocument } from "../../contracts/index.ts";
import type { ModelFailureReason } from "../../contracts/index.ts";
import { elementType, resolveModel } from "../../models/index.ts";
import { isAlive } from "../executor-acceptance.ts";
import { combineLaunches } from "./launches.ts";
import { expandingModel, ints, node, picturesModel, splitModel, writeModel } from "./made-models-acceptance.ts";
import type { ModelRunProgress, ModelRunRequest } from "./messages.ts";
import { runModel } from "./model-driver.ts";
import type { ModelRunOptions } from "./model-driver.ts";
import type { ModelRunOutcome } from "./model-run.ts";
import { modelProvenance } from "./model-provenance.ts";
import { modelHardwareMetrics, modelMetrics, modelResults } from "./model-result.ts";

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-driver-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

function request(changes: Partial<ModelRunRequest> = {}): ModelRunRequest {
  return {
    model: "tiny-vit",
    cacheDir,
    precision: "fp32",
    backend: "ort-node/cpu",
    batchSizes: [1, 4],
    iterations: 2,
    minDurationMs: 0,
    warmupIterations: 1,
    sequenceLength: 16,
    seed: 0,
    ...changes,
  };
}

function run(changes: Partial<ModelRunRequest> = {}, options: Partial<ModelRunOptions> = {}): Promise<ModelRunOutcome> {
  return runModel(request(changes), { env: process.env, clock: systemClock, ...options });
}

function withLastByte(bytes: Uint8Array, value: number): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, -1), value);
}

/** One that would take hours if nobody stopped it. */
const endless = { batchSizes: [1], minDurationMs: 1e7 };

async function expectFailure(outcome: ModelRunOutcome | Promise<ModelRunOutcome>, expected: object): Promise<void> {
  expect(await outcome).toMatchObject({ status: "failed", failure: expected });
}

describe("real runtimes agree with the double-precision reference", () => {
  test.each(
    (["ort-node/cpu", "ort-web/wasm"] as const).flatMap((backend) =>
      ["tiny-bert", "tiny-gpt2", "tiny-vit"].map((model) => ({ backend, model })),
    ),
  )("$model on $backend", async ({ backend, model }) => {
    const outcome = await run({ backend, model });
    if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
    const { report } = outcome;
    expect(report.batches.map((batch) => batch.batchSize)).toEqual([1, 4]);
    for (const batch of report.batches) {
      expect(batch.check).toMatchObject({ reference: "float64", samplesCompared: batch.batchSize, tolerance: 1e-4 });
      expect(batch.check.maxAbsError).toBeLessThan(1e-4);
      expect(batch.samplesMs).toHaveLength(2);
      expect(batch.latencyMs.p99).toBeNull();
      expect(batch.peakMemoryBytes).toBeGreaterThan(0);
    }
    expect(report.generation?.cacheMatches).toBe(model === "tiny-gpt2" ? true : undefined);
    expect(report.load.model.sha256).toBe((await resolveModel(model, { cacheDir })).sha256);
    const provenance = modelProvenance(report);
    expect(provenance).toMatchObject({ kind: "real", proven: true, observed_backend: backend });
    const measured = { ...report, batches: report.batches.map((batch) => combineLaunches([batch])) };
    const document = resultDocument.parse({
      task_id: "t",
      worker_id: "w",
      status: "completed",
      execution_time_seconds: 1,
      results: modelResults(measured),
      metrics: modelMetrics(measured),
      hardware_metrics: modelHardwareMetrics(measured),
      provenance,
    });
    expect(document.metrics.map((metric) => metric.name)).toContain("latency_ms_p50");
    expect(document.results["batch_sizes"]).toMatchObject({ "4": { output_check: { reference: "float64" } } });
  });
});

describe("a model that keeps its numbers in a second file", () => {
  async function split(name: string): Promise<string> {
    const { path } = await resolveModel("tiny-vit", { cacheDir });
    return splitModel(path, join(cacheDir, name));
  }

  test.each(["ort-node/cpu", "ort-web/wasm"] as const)("runs on %s", async (backend) => {
    const model = await split(`split for ${backend.replace("/", " ")}`);
    expect(await run({ model, backend, batchSizes: [1] })).toMatchObject({ status: "completed" });
  });

  test("is refused without it, by name", async () => {
    const model = await split("halved");
    const data = join(model, "onnx", "model.onnx_data");
    await rm(data);
    await expectFailure(run({ model }), { class: "model_file_missing", message: expect.stringContaining(data) });
  });
});

test("the memory of a large parent is not counted as the child's", async () => {
  const ballast = Buffer.alloc(500e6, 1);
  const outcome = await run({ batchSizes: [1] });
  if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
  expect(ballast.at(-1)).toBe(1);
  // On other systems getrusage may count it; the source says which figure it is.
  if (process.platform === "linux") expect(outcome.report.memory.peakBytes).toBeLessThan(ballast.byteLength);
});

describe("failures are classified", () => {
  test("a backend that is not there", async () => {
    const error = {
      class: "backend_unavailable",
      message: expect.stringContaining("loading tiny-vit on ort-node/cuda"),
    };
    await expectFailure(run({ backend: "ort-node/cuda" }), error);
  });

  test("an unknown model, with near names", async () => {
    await expectFailure(run({ model: "tiny-vot" }), {
      class: "unknown_model",
      message: expect.stringContaining("tiny-vit"),
    });
  });

  test("a missing file, and an operator that the runtime does not know", async () => {
    const { path } = await resolveModel("tiny-vit", { cacheDir });
    const copy = join(cacheDir, "copy");
    await cp(path, copy, { recursive: true });
    const file = join(copy, "onnx", "model.onnx");
    const bytes = (await readFile(file)).toString("latin1").replaceAll("Gelu", "Nope");
    await writeFile(file, bytes, "latin1");
    await expectFailure(run({ model: copy }), {
      class: "unsupported_operator",
      message: expect.stringContaining("Nope"),
    });
    await rm(file);
    await expectFailure(run({ model: copy }), { class: "model_file_missing", message: expect.stringContaining(copy) });
  });

  /** A copy of a generated model with some of its bytes replaced by as many others. */
  async function damaged(name: string, change: (bytes: string) => string): Promise<string> {
    const { path } = await resolveModel("tiny-vit", { cacheDir });
    const copy = join(cacheDir, name);
    await cp(path, copy, { recursive: true });
    const file = join(copy, "onnx", "model.onnx");
    await writeFile(file, change((await readFile(file)).toString("latin1")), "latin1");
    return copy;
  }

  test("a file cut short", async () => {
    const model = await damaged("cut", (bytes) => bytes.slice(0, bytes.length / 2));
    await expectFailure(run({ model }), { class: "model_unreadable", message: expect.stringContaining("readable") });
  });

  test("a file of a later version of ONNX than the runtime reads", async () => {
    const model = await damaged("torn", (bytes) => bytes.replace("\x08\x09", "\x08\x7f"));
    await expectFailure(run({ model }), { class: "model_unreadable", message: expect.stringContaining("loading") });
  });

  const float = elementType.float;
  const hundred = { name: "hundred", elementType: float, dims: [1], data: new Uint8Array(Float32Array.of(100).buffer) };
  const wide = { name: "wide", elementType: float, dims: [1e6, 1e6], data: new Uint8Array(16) };
  const roots = [node("Sub", ["pixel_values", "hundred", "less"]), node("Sqrt", ["less", "logits"])];
  const most = node("ReduceMax", ["wide", "axes", "most"], { keepdims: 0 });
  const sum = node("Add", ["pixel_values", "most", "logits"]);
  const bad: Readonly<Record<string, { onnx: Uint8Array; failure: ModelFailureReason; message: RegExp }>> = {
    "the square roots of negative numbers": {
      onnx: picturesModel(roots, [hundred]),
      ...{ failure: "wrong_numbers", message: /holds NaN/ },
    },
    "a tensor of 19 TB while it runs": {
      onnx: expandingModel(1e11),
      ...{ failure: "out_of_memory", message: /Failed to allocate/ },
    },
    "a tensor of 4 TB in the file, which has 16 bytes of it": {
      onnx: picturesModel([most, sum], [wide, ints("axes", [0, 1])]),
      ...{ failure: "model_unreadable", message: /should have 4000000000000 bytes/ },
    },
    "operators of the future": {
      onnx: withLastByte(picturesModel([node("Gelu", ["pixel_values", "logits"])]), 99),
      ...{ failure: "model_unreadable", message: /Opset 99/ },
    },
  };
  test.each(Object.entries(bad))("a model with %s", async (what, { onnx, failure, message }) => {
    const model = await writeModel(join(cacheDir, what), onnx);
    await expectFailure(run({ model, batchSizes: [1] }), { class: failure, message: expect.stringMatching(message) });
  });

  test("WebAssembly has 4 GB of addresses, whatever the machine has", async () => {
    // Of 192 bytes each: less than 4 GB in all, but with the runtime beside it too much.
    const model = await writeModel(join(cacheDir, "4 GB"), expandingModel(22_368_000));
    const failure = { class: "out_of_memory", message: expect.stringContaining("bad_alloc") };
    await expectFailure(run({ model, backend: "ort-web/wasm", batchSizes: [1] }), failure);
  });

  test("a batch of a shape that the model does not take", async () => {
    // The dimension named batch_size becomes 1, with a denotation as long as the name.
    const model = await damaged("fixed", (bytes) => bytes.replaceAll("\x12\x0abatch_size", "\x08\x01\x1a\x08ABCDEFGH"));
    await expectFailure(run({ model, batchSizes: [1, 2] }), {
      class: "wrong_input",
      message: expect.stringContaining("batch size 2"),
    });
  });

  test("an execution provider of another operating system", async () => {
    const backend = process.platform === "win32" ? "ort-node/coreml" : "ort-node/dml";
    await expectFailure(run({ backend }), { class: "backend_unavailable" });
  });

  test("numbers beyond the tolerance", async () => {
    await expectFailure(run({ tolerance: 1e-12 }), {
      class: "wrong_numbers",
      message: expect.stringMatching(/batch size 1: .* differs from the reference by .* \(allowed: 1e-12\)/),
    });
  });

  test.each(["SIGKILL", "SIGSEGV"])("a child that ends by %s, with what it had measured", async (signal) => {
    let pid = 0;
    const measured: number[] = [];
    const outcome = await run(
      // The second batch size takes seconds: time enough to be killed in.
      { batchSizes: [1, 128], iterations: 20 },
      {
        onProgress: (progress) => {
          if (progress.stage === "started") pid = progress.pid;
          if (progress.stage !== "batch_finished") return;
          measured.push(progress.batch.batchSize);
          process.kill(pid, signal);
        },
      },
    );
    await expectFailure(outcome, { class: "crash", message: expect.stringContaining(signal) });
    expect(measured).toEqual([1]);
    expect(isAlive(pid)).toBe(false);
  });
});

describe("stopping", () => {
  test("an abort ends the child, and the outcome is cancelled", async () => {
    const stop = new AbortController();
    const seen: ModelRunProgress[] = [];
    const outcome = await run(endless, {
      signal: stop.signal,
      onProgress: (progress) => {
        seen.push(progress);
        if (progress.stage === "batch_started") stop.abort();
      },
    });
    expect(outcome).toMatchObject({ status: "cancelled" });
    const stages = seen.map(({ stage }) => stage);
    // It may have begun to take times before it heard of its end.
    expect(stages.filter((stage) => stage !== "timing_started")).toEqual([
      "started",
      "first_inference",
      "loaded",
      "batch_started",
    ]);
    expect(seen[0]?.stage === "started" && isAlive(seen[0].pid)).toBe(false);
  });

  test("a child that does not answer is killed after the grace", async () => {
    const stop = new AbortController();
    let pid = 0;
    const outcome = await run(endless, {
      signal: stop.signal,
      // Time passes at once, so the child never gets to answer.
      clock: { ...systemClock, setTimer: (_delayMs, action) => (action(), { cancel: () => undefined }) },
      onProgress: (progress) => {
        if (progress.stage === "started") pid = progress.pid;
        if (progress.stage === "batch_started") stop.abort();
      },
    });
    expect(outcome.status).toBe("cancelled");
    expect(isAlive(pid)).toBe(false);
  });

  test("a signal that fired before starts nothing", async () => {
    const outcome = await run(endless, {
      signal: AbortSignal.abort(),
      onProgress: () => expect.unreachable("a child was started"),
    });
    expect(outcome.status).toBe("cancelled");
  });

  test("a child whose parent died ends itself", async () => {
    const program = `
      import { runModel } from ${JSON.stringify(new URL("./model-driver.ts", import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL("../../base/index.ts", import.meta.url).href)};
      await runModel(${JSON.stringify(request(endless))}, {
        env: process.env,
        clock: systemClock,
        onProgress: (progress) => console.log(JSON.stringify(progress)),
      });`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let pid = 0;
    for await (const line of createInterface(parent.stdout)) {
      const progress = JSON.parse(line) as ModelRunProgress;
      if (progress.stage === "started") pid = progress.pid;
      if (progress.stage === "batch_started") break;
    }
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    // Nothing tells a grandparent that an orphan ended; the test's own time limit bounds this.
    while (isAlive(pid)) await delay(10);
  });
});
