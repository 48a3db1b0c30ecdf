import { expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import { capabilityDocument } from "../contracts/index.ts";
import type { CapabilityDocument } from "../contracts/index.ts";
import { excessOf } from "./tab-terms.ts";

const token = { workerId: asWorkerId("tab-1"), name: "phone", pool: "tabs" };
const capabilities = capabilityDocument.parse({
  hostname: "tab-1",
  os: { platform: "android", release: "unknown", arch: "unknown" },
  cpu: { model: "unknown", cores: 8, threads: 8 },
  memory_gb: 4,
  disk_free_gb: 0,
  hardware: ["wasm"],
  runtimes: [{ runtime: "onnxruntime-web", backend: "tab/wasm", hardware: "wasm", available: true, detail: "right" }],
  task_types: ["model", "benchmark"],
  pools: ["tabs"],
});
const offer = { worker_id: "tab-1", name: "phone", slots: 1, credits: 1, capabilities };
const claiming = (more: Partial<CapabilityDocument>): string | undefined =>
  excessOf(token, { ...offer, capabilities: { ...capabilities, ...more } });

test("a tab may be what it joined as", () => {
  expect(excessOf(token, offer)).toBeUndefined();
  expect(claiming({ task_types: [], hardware: [], runtimes: [] })).toBeUndefined();
});

test("another worker, more at a time, or more than a browser has is refused by name", () => {
  expect(excessOf(token, { ...offer, worker_id: "gpu-box" })).toContain("not of gpu-box");
  expect(excessOf(token, { ...offer, name: "gpu-box" })).toContain("not gpu-box");
  expect(claiming({ hostname: "gpu-box" })).toContain("not on gpu-box");
  expect(excessOf(token, { ...offer, slots: 2 })).toContain("one task");
  expect(excessOf(token, { ...offer, credits: 3 })).toContain("one task");
  expect(claiming({ pools: ["tabs", "default"] })).toContain("pool default");
  expect(claiming({ task_types: ["command"] })).toContain("type command");
  expect(claiming({ hardware: ["cuda"] })).toContain("platform cuda");
  expect(claiming({ gpus: [{ index: 0, vendor: "NVIDIA", name: "H100" }] })).toContain("GPU H100");
  expect(claiming({ price_per_hour: { amount: 0, currency: "USD" } })).toContain("price per hour");
  const [runtime] = capabilities.runtimes;
  expect(claiming({ runtimes: runtime ? [{ ...runtime, backend: "ort-node/cpu" }] : [] })).toContain("ort-node/cpu");
});
