import { describe, expect, it, test } from "vitest";
import { capabilityDocument } from "../contracts/index.ts";
import type { WorkerView } from "../contracts/index.ts";
import { chosenModels, chosenRecords, isWanted, provenBackends } from "./matrix-plan.ts";

describe("chosenModels", () => {
  it("takes the models that need no network when none is named", () => {
    expect(chosenModels({})).toEqual([
      ...["tiny-bert", "tiny-gpt2", "tiny-vit", "tiny-t5", "tiny-whisper", "tiny-clip"],
    ]);
  });

  it("takes exactly the named ones, each once and under its id", () => {
    expect(chosenModels({ models: ["./my-model", "openai-community/gpt2", "gpt2"] })).toEqual(["./my-model", "gpt2"]);
  });

  it("selects by architecture, from the hub only when asked", () => {
    expect(chosenModels({ architectures: ["vision"] })).toEqual(["tiny-vit"]);
    expect(chosenModels({ architectures: ["vision"], hub: true })).toContain("vit-base-patch16-224");
    expect(() => chosenModels({ architectures: ["unknown"] })).toThrow(
      /no model that works offline has the architecture unknown/,
    );
  });
});

describe("isWanted", () => {
  const webgpu = { backend: "headless-shell/webgpu", hardware: "webgpu" };

  it.each([
    [{}, true],
    [{ backends: ["all"] }, true],
    [{ backends: ["headless-shell"] }, true],
    [{ backends: ["ort-node/cpu", "headless-shell/webgpu"] }, true],
    [{ backends: ["chromium", "headless-shell/wasm"] }, false],
    [{ hardware: ["webgpu"] }, true],
    [{ hardware: ["cpu"], backends: ["all"] }, false],
  ] as const)("by %j: %s", (filter, expected) => {
    expect(isWanted(webgpu, filter)).toBe(expected);
  });
});

test("chosenRecords has what was measured of models of the hub too, whether they are named or of an architecture", () => {
  const at = (model: string, precision = "fp32") => ({ model, precision, backend: "ort-node/cpu", hardware: "cpu" });
  const records = [at("tiny-vit"), at("vit-base-patch16-224"), at("vit-base-patch16-224", "fp16"), at("./mine")];
  expect(chosenRecords(records, {})).toEqual(records);
  expect(chosenRecords(records, { architectures: ["vision"] })).toEqual(records.slice(0, 3));
  expect(chosenRecords(records, { models: ["./mine"] })).toEqual(records.slice(3));
  expect(chosenRecords(records, { architectures: ["vision"], precisions: ["fp16"] })).toEqual([records[2]]);
  expect(chosenRecords(records, { backends: ["headless-shell"] })).toEqual([]);
});

describe("provenBackends", () => {
  const worker = (name: string, pool: string, ...backends: string[]): WorkerView => ({
    ...{ worker_id: name, name, hostname: "h", status: "ready", registration_time: "2026-11-01T00:00:00.000Z" },
    ...{ last_heartbeat: null, slots: 1, hardware_metrics: null, tags: {}, quarantine: null, held_until: null },
    capabilities: capabilityDocument.parse({
      ...{ hostname: "h", os: { platform: "linux", release: "6", arch: "x64" }, memory_gb: 1, disk_free_gb: 1 },
      ...{ cpu: { model: "c", cores: 1, threads: 1 }, hardware: [], task_types: ["benchmark"], pools: [pool] },
      runtimes: backends.map((backend) => {
        const available = !backend.startsWith("-");
        const [name = "", hardware] = backend.replace("-", "").split("/");
        return { backend: `${name}/${hardware}`, runtime: name, hardware, available, detail: "tried" };
      }),
    }),
  });
  const client = {
    async *workers() {
      yield* [worker("tab", "tabs", "tab/wasm", "-tab/webgpu"), worker("machine", "default", "ort/cpu", "-ort/cuda")];
    },
  };
  const cpu = { backend: "ort/cpu", hardware: "cpu" };
  const wasm = { backend: "tab/wasm", hardware: "wasm" };

  it.each([
    ["default", { backends: [cpu], refused: ["ort/cuda"] }],
    ["tabs", { backends: [wasm], refused: ["tab/webgpu"] }],
  ])("are those of the workers that take runs of the pool %s", async (pool, expected) => {
    expect(await provenBackends(client, { pool })).toEqual(expected);
  });

  it("are none where the pool has no workers, which is told", async () => {
    await expect(provenBackends(client, { pool: "gpu" })).rejects.toThrow(
      "no worker of the pool gpu proved a backend that runs models",
    );
  });
});
