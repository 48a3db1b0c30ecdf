import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorMessage, systemClock } from "../../../base/index.ts";
import { resolveModel, storedWeights } from "../../../models/index.ts";
import { createPlatform } from "../../../platform/index.ts";
import { InferenceRun } from "../inference-run.ts";
import type { FinalMessage, ModelRunRequest } from "../messages.ts";
import { runModel } from "../model-driver.ts";
import { modelProvenance } from "../model-provenance.ts";
import { findPython } from "./find-python.ts";
import { pythonHost } from "./python-host.ts";
import { PythonProcess } from "./python-process.ts";

const python = await findPython(process.env).catch((error: unknown) => {
  console.warn(`models are not run with PyTorch: ${errorMessage(error)}`);
  return undefined;
});

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
  return new InferenceRun(whole, await pythonHost(process, whole), control).outcome();
}

describe.runIf(python !== undefined)("PyTorch on the CPU", () => {
  test.each(["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"])(
    "%s is proven against the reference, with all of its operators on the device",
    async (model) => {
      const outcome = await run({ model });
      if (outcome.type !== "completed") throw new Error(JSON.stringify(outcome));
      const { report } = outcome;
      expect(modelProvenance(report)).toMatchObject({ proven: true, observed_backend: "torch/cpu" });
      expect(report.batches.map(({ check }) => check)).toMatchObject([
        { reference: "float64" },
        { samplesCompared: 4 },
      ]);
      expect(Object.keys(report.placement ?? {})).toEqual(["cpu"]);
      expect(report.load.backend).toMatchObject({
        runtime: "torch",
        threads: 1,
        engine: expect.stringMatching(/^Python 3/),
      });
      expect(report.generation?.cacheMatches).toBe(model === "tiny-gpt2" ? true : undefined);
      expect(report.memory.peakBytes).toBeGreaterThan(report.memory.baselineBytes / 2);
    },
  );

  test("16-bit brain floats are within their tolerance", async () => {
    const outcome = await run({ precision: "bf16", batchSizes: [2] });
    expect(outcome).toMatchObject({ type: "completed", report: { load: { model: { precision: "bf16" } } } });
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

/** Stands for the library, which is large and not everywhere: as much of its surface as is used. */
const TRANSFORMERS = `
import json, os, torch
print("a library that prints")

class Output(dict):
    pass

class BertForThree(torch.nn.Module):
    @classmethod
    def from_pretrained(cls, folder, local_files_only):
        assert local_files_only and os.path.exists(os.path.join(folder, "model.safetensors"))
        return cls()
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(100, 3)
    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, labels=None):
        return Output(logits=self.table(input_ids).sum(1), loss=None)
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

  async function withTransformers(source: string, use: (process: PythonProcess) => Promise<void>): Promise<void> {
    const site = await mkdtemp(join(folder, "site-"));
    await mkdir(join(site, "transformers"));
    await writeFile(join(site, "transformers", "__init__.py"), source);
    const other = started({ PYTHONPATH: site });
    try {
      await use(other);
    } finally {
      await other.close();
    }
  }

  test("run through transformers, without a reference", async () => {
    await withTransformers(TRANSFORMERS, async (other) => {
      const outcome = await run({ model: await modelFolder() }, other);
      if (outcome.type !== "completed") throw new Error(JSON.stringify(outcome));
      expect(outcome.report.load.model).toMatchObject({ family: "bert", source: "local", parameterCount: 300 });
      expect(outcome.report.batches[1]?.check).toMatchObject({ reference: "none", outputName: "logits" });
      expect(modelProvenance(outcome.report).proven).toBe(false);
    });
  });

  test("need it: its absence is told with the next step", async () => {
    await withTransformers("raise ImportError('it is not here')", async (other) => {
      expect(await run({ model: await modelFolder() }, other)).toMatchObject({
        failure: {
          class: "backend_unavailable",
          message: expect.stringMatching(/it is not here\. .*pip install transformers/),
        },
      });
    });
  });
});

describe.runIf(python !== undefined && process.platform === "linux")("Python's end is its run's", () => {
  const { processes } = createPlatform({ diskPath: tmpdir(), env: process.env });
  const long: ModelRunRequest = { ...request, batchSizes: [8], minDurationMs: 600_000 };

  test("a killed Python is a crash that names the signal, and what it wrote", async () => {
    let runner = 0;
    const outcome = await runModel(
      { ...long, cacheDir: folder },
      {
        env: process.env,
        clock: systemClock,
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
        env: process.env,
        clock: systemClock,
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
});
