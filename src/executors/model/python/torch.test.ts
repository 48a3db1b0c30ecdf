import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { errorMessage, systemClock } from "../../../base/index.ts";
import { createFeeds, createSamples, resolveModel, storedWeights } from "../../../models/index.ts";
import { createPlatform } from "../../../platform/index.ts";
import { InferenceRun } from "../inference-run.ts";
import type { FinalMessage, ModelRunReport, ModelRunRequest } from "../messages.ts";
import { runModel } from "../model-driver.ts";
import { modelProvenance } from "../model-provenance.ts";
import { defaultTolerance } from "../output-check.ts";
import { RunnerPool } from "../runner-pool.ts";
import { findPython } from "./find-python.ts";
import { encodeFrame } from "./frames.ts";
import { pythonHost } from "./python-host.ts";
import { PythonProcess } from "./python-process.ts";

const python = await findPython(process.env).catch((error: unknown) => {
  console.warn(`models are not run with PyTorch: ${errorMessage(error)}`);
  return undefined;
});
const { processes } = createPlatform({ diskPath: tmpdir(), env: process.env });
const models = ["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"] as const;

let folder: string;
/** One for most tests: PyTorch takes seconds to be loaded. */
let shared: PythonProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-torch-"));
  if (python !== undefined) shared = started({});
});
afterAll(async () => {
  await shared?.close();
  await rm(folder, { recursive: true, force: true });
});

function started(env: Record<string, string>): PythonProcess {
  const onDeath = (): never => expect.unreachable("Python ended by itself");
  return new PythonProcess(python ?? "", { env: { ...process.env, ...env }, onDeath });
}

const request: ModelRunRequest = {
  model: "tiny-bert",
  cacheDir: "",
  precision: "fp32",
  backend: "torch/cpu",
  threads: 1,
  batchSizes: [1, 4],
  iterations: 5,
  minDurationMs: 0,
  warmupIterations: 1,
  sequenceLength: 12,
  seed: 3,
};

async function run(changes: Partial<ModelRunRequest>, process: PythonProcess = shared): Promise<FinalMessage> {
  const whole = { ...request, cacheDir: folder, ...changes };
  const control = { signal: new AbortController().signal, progress: () => undefined };
  return new InferenceRun(whole, await pythonHost(process, whole, { startedMs: 1 }), control).outcome();
}

async function completed(changes: Partial<ModelRunRequest>, process?: PythonProcess): Promise<ModelRunReport> {
  const outcome = await run(changes, process);
  if (outcome.type !== "completed") throw new Error(JSON.stringify(outcome));
  return outcome.report;
}

/** Another Python, with packages that stand for libraries that are large and not everywhere: as much of them as is used. */
async function withPackages(
  files: Readonly<Record<string, string>>,
  use: (process: PythonProcess) => Promise<void>,
): Promise<void> {
  const site = await mkdtemp(join(folder, "site-"));
  for (const [name, source] of Object.entries(files)) {
    await mkdir(join(site, name, ".."), { recursive: true });
    await writeFile(join(site, name), source);
  }
  const other = started({ PYTHONPATH: site });
  try {
    await use(other);
  } finally {
    await other.close();
  }
}

describe.runIf(python !== undefined)("PyTorch on the CPU", () => {
  test.each(models)("%s is proven against the reference, with all of its operators on the device", async (model) => {
    const report = await completed({ model });
    expect(modelProvenance(report)).toMatchObject({ proven: true, observed_backend: "torch/cpu" });
    expect(report.batches.map(({ check }) => check)).toMatchObject([{ reference: "float64" }, { samplesCompared: 4 }]);
    expect(Object.keys(report.placement ?? {})).toEqual(["cpu"]);
    const engine = expect.stringMatching(/^Python 3/);
    expect(report.load.backend).toMatchObject({ runtime: "torch", threads: 1, engine });
    expect(report.load.processStartMs).toBeGreaterThan(1);
    expect(report.generation?.cacheMatches).toBe(model === "tiny-gpt2" ? true : undefined);
    expect(report.memory.peakBytes).toBeGreaterThan((processes.ownMemoryBytes(shared.pid) ?? 0) / 2);
  });

  test("16-bit brain floats are within their tolerance", async () => {
    const report = await completed({ model: "tiny-whisper", precision: "bf16", batchSizes: [2] });
    expect(report.load.model.precision).toBe("bf16");
    expect(modelProvenance(report).proven).toBe(true);
  });

  test("integers are refused with what there is", async () => {
    expect(await run({ precision: "int8" })).toMatchObject({
      failure: { class: "setup", message: expect.stringContaining("fp32, fp16, bf16") },
    });
  });

  test("what PyTorch throws arrives in its words, and Python goes on", async () => {
    const { config, modelFile } = await resolveModel("tiny-bert", { cacheDir: folder });
    await shared.ask({ do: "load", config, precision: "fp32" }, storedWeights(await readFile(modelFile)));
    const ids = { type: "int64", dims: [1, 1], data: BigInt64Array.of(1_000_000n) } as const;
    await shared.ask({ do: "bind" }, { input_ids: ids, attention_mask: ids, token_type_ids: ids });
    await expect(shared.ask({ do: "run" })).rejects.toThrow("IndexError: index out of range");
    expect(await run({ batchSizes: [1] })).toMatchObject({ type: "completed" });
  });

  test("a device of another machine is unavailable, with the reason", async () => {
    const backend = process.platform === "darwin" ? "torch/rocm" : "torch/mps";
    await expect(run({ backend })).rejects.toMatchObject({
      code: "dependency_missing",
      message: expect.stringContaining("not built for"),
    });
  });
});

/** Computes with 64-bit floats and rounds the result of each operator, and all that goes in, to 16-bit brain floats. */
const ROUNDING = `
import sys, torch
from frames import read_frame, tensors_of
from networks import FAMILIES
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

def rounded(value):
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.bfloat16().to(value.dtype) if floats else value

class Rounding(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return tree_map(rounded, function(*args, **(kwargs or {})))

def doubles(tensors):
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}

with torch.inference_mode():
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        header, body = frame
        weights = doubles(tensors_of(header["tensors"], body))
        header_of_feeds, body = read_frame(sys.stdin.buffer)
        feeds = doubles(tensors_of(header_of_feeds["tensors"], body))
        family = FAMILIES[header["config"]["model_type"]]
        right = family(header["config"], weights).forward(**feeds)
        network = family(header["config"], tree_map(rounded, weights))
        with Rounding():
            outputs = network.forward(**tree_map(rounded, feeds))
        # Those that the reference has: no caches, nothing that depends on the rest of the batch.
        names = [name for name in right if not name.startswith("present.") and name != "logits_per_image"]
        print(max((outputs[name] - right[name]).abs().max().item() for name in names))
`;

test.runIf(python !== undefined)(
  "the tolerance of 16-bit brain floats is twice what rounding alone costs",
  async () => {
    await shared.ask({ do: "open", device: "cpu", threads: 1, temporary_folder: folder });
    const frames: Uint8Array[] = [];
    for (const id of models) {
      const { config, modelFile, architecture } = await resolveModel(id, { cacheDir: folder });
      const weights = storedWeights(await readFile(modelFile));
      const { header } = await shared.ask({ do: "load", config, precision: "fp32" }, weights);
      const { inputs } = header as unknown as Parameters<typeof createSamples>[0];
      const options = { seed: 3, sequenceLength: 64, padding: architecture !== "decoder-only" };
      const feeds = createFeeds(createSamples({ config, inputs }, 4, options), inputs);
      frames.push(...encodeFrame({ config }, weights), ...encodeFrame({}, feeds));
    }
    const { stdout, stderr, status } = spawnSync(python ?? "", ["-c", ROUNDING], {
      input: Buffer.concat(frames),
      env: { ...process.env, PYTHONPATH: fileURLToPath(new URL(".", import.meta.url)), PYTHONDONTWRITEBYTECODE: "1" },
    });
    const differences = stdout.toString().trim().split("\n").map(Number);
    expect(status, stderr.toString()).toBe(0);
    expect(differences).toHaveLength(models.length);
    const largest = Math.max(...differences);
    expect(2 * largest).toBeLessThan(defaultTolerance("bf16"));
    expect(2 * largest).toBeGreaterThan(defaultTolerance("bf16") / 2);
  },
);

/** A device that is the processor: everything that was asked of it is computed, rightly, elsewhere. */
const XLA = {
  "torch_xla/__init__.py": "",
  "torch_xla/core/__init__.py": "",
  "torch_xla/core/xla_model.py": `
import torch
xla_device = lambda: torch.device("cpu")
xla_device_hw = lambda device: "TPU"
mark_step = wait_device_ops = lambda: None
`,
  "torch_xla/debug/__init__.py": "",
  "torch_xla/debug/metrics.py": `
count = 0
counter_names = lambda: ["xla::mm", "aten::mm"]
def counter_value(name):
    global count
    count += 1
    return count
`,
};

describe.runIf(python !== undefined)("a silent fallback", () => {
  test("is seen where the numbers lie, and in the counters of XLA", async () => {
    await withPackages(XLA, async (other) => {
      const report = await completed({ backend: "torch/xla", batchSizes: [1] }, other);
      expect(report.placement?.["cpu"]).toMatchObject({ mm: 1 });
      const provenance = modelProvenance(report);
      expect(provenance).toMatchObject({ proven: false, observed_backend: "cpu" });
      expect(provenance.evidence.find(({ passed }) => !passed)?.detail).toContain("cpu ran 24 of linear");
    });
  });
});

/** As much of transformers as is used. `meta` is a device of PyTorch that holds no numbers. */
const TRANSFORMERS = `
import json, os, torch
print("a library that prints")
__version__ = "0"

class Output(dict):
    pass

class BertForThree(torch.nn.Module):
    @classmethod
    def from_pretrained(cls, folder, local_files_only, use_safetensors):
        assert local_files_only and use_safetensors and os.path.exists(os.path.join(folder, "model.safetensors"))
        return cls()
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(100, 3)
    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, labels=None):
        elsewhere = torch.ones(2, 2, device="meta")
        return Output(logits=self.table(input_ids).sum(1), loss=None, product=(elsewhere @ elsewhere).shape)
`;

describe.runIf(python !== undefined)("models in Hugging Face's folders", () => {
  async function modelFolder(): Promise<string> {
    const path = join(folder, "hf-model");
    await mkdir(path, { recursive: true });
    const config = {
      model_type: "bert",
      architectures: ["BertForThree"],
      vocab_size: 100,
      max_position_embeddings: 16,
    };
    await writeFile(join(path, "config.json"), JSON.stringify(config));
    const header = JSON.stringify({ "table.weight": { dtype: "F32", shape: [100, 3], data_offsets: [0, 1200] } });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(path, "model.safetensors"), Buffer.concat([length, Buffer.from(header), Buffer.alloc(1200)]));
    return path;
  }

  test("run through transformers, without a reference; a product on another device is told", async () => {
    await withPackages({ "transformers/__init__.py": TRANSFORMERS }, async (other) => {
      const report = await completed({ model: await modelFolder() }, other);
      expect(report.load.model).toMatchObject({ family: "bert", source: "local", parameterCount: 300 });
      expect(report.batches[1]?.check).toMatchObject({ reference: "none", outputName: "logits" });
      const { proven, evidence } = modelProvenance(report);
      expect(proven).toBe(false);
      expect(evidence.find(({ check }) => check === "work_on_requested_provider")).toMatchObject({
        passed: false,
        detail: expect.stringMatching(/meta ran 1 of (matmul|mm)$/),
      });
    });
  });

  test("need it: its absence is told with the next step", async () => {
    const missing = { "transformers/__init__.py": "raise ImportError('it is not here')" };
    await withPackages(missing, async (other) => {
      expect(await run({ model: await modelFolder() }, other)).toMatchObject({
        failure: {
          class: "backend_unavailable",
          message: expect.stringMatching(/need transformers: it is not here\. .*pip install transformers/),
        },
      });
    });
  });
});

test.runIf(python !== undefined)(
  "a PyTorch that cannot be loaded is unavailable, with its words, each time",
  async () => {
    await withPackages({ "torch/__init__.py": "raise ImportError('libtorch.so is not there')" }, async (other) => {
      const reason = { code: "dependency_missing", message: expect.stringContaining("libtorch.so is not there") };
      for (let time = 0; time < 2; time += 1) {
        await expect(run({}, other)).rejects.toMatchObject(reason);
      }
    });
  },
);

describe.runIf(python !== undefined && process.platform === "linux")("Python's end is its run's", () => {
  const long: ModelRunRequest = { ...request, batchSizes: [8], minDurationMs: 600_000 };
  const within = { env: process.env, clock: systemClock };

  test("a killed Python is a crash that names the signal", async () => {
    let runner = 0;
    const outcome = await runModel(
      { ...long, cacheDir: folder },
      {
        ...within,
        onProgress: (progress) => {
          if (progress.stage === "started") runner = progress.pid;
          if (progress.stage !== "batch_started") return;
          for (const pid of processes.descendants(runner)) process.kill(pid, "SIGSEGV");
        },
      },
    );
    expect(outcome).toMatchObject({
      status: "failed",
      batchSize: 8,
      failure: { class: "crash", message: expect.stringContaining("SIGSEGV") },
    });
  });

  test("a run that is stopped leaves no Python behind", async () => {
    const stop = new AbortController();
    const started: number[] = [];
    const outcome = await runModel(
      { ...long, cacheDir: folder },
      {
        ...within,
        signal: stop.signal,
        onProgress: (progress) => {
          if (progress.stage === "started") started.push(progress.pid);
          if (progress.stage !== "batch_started") return;
          started.push(...processes.descendants(started[0] ?? 0));
          stop.abort();
        },
      },
    );
    expect(outcome.status).toBe("cancelled");
    expect(started).toHaveLength(2);
    expect(started.filter((pid) => processes.cpuTimeMs(pid) !== undefined)).toEqual([]);
  });

  /** Not those that are only asked whether they have PyTorch. */
  function pythonsOf(runner: number): number[] {
    const command = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return processes.descendants(runner).filter((pid) => command(pid).includes("runner.py"));
  }

  test.each([
    ["torch/cpu", 1],
    ["ort-node/cpu", 0],
  ] as const)("one that was started ahead: while a model runs on %s, %i are left of it", async (backend, count) => {
    const pool = new RunnerPool(systemClock);
    pool.prepare(process.env, "torch/cpu");
    const child = pool.take(process.env);
    const runner = child.pid ?? 0;
    const ahead = await vi.waitUntil(() => pythonsOf(runner)[0], { timeout: 30_000 });
    const seen: number[][] = [];
    const outcome = await runModel(
      { ...request, backend, batchSizes: [1], cacheDir: folder },
      {
        ...within,
        runners: { take: () => child },
        onProgress: ({ stage }) => void (stage === "loaded" && seen.push(pythonsOf(runner))),
      },
    );
    expect(outcome.status).toBe("completed");
    expect(seen).toEqual([Array(count).fill(ahead)]);
  });
});
