import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { runtimeCapability } from "../../contracts/index.ts";
import { probeBackend, provenHardware, runtimeCapabilityOf } from "./backend-probe.ts";
import type { ProbeOptions } from "./backend-probe.ts";
import { runModel } from "./model-driver.ts";

let cacheDir: string;
let options: ProbeOptions;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-probe-"));
  options = {
    cacheDir,
    run: (request, watch) => runModel(request, { env: process.env, clock: systemClock, ...watch }),
  };
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

test("cpu and wasm work everywhere, with the evidence", async () => {
  const probes = [await probeBackend("ort-node/cpu", options), await probeBackend("ort-web/wasm", options)];
  for (const probe of probes) {
    expect(probe).toMatchObject({ available: true, evidence: expect.stringContaining("of the float64 reference") });
    expect(runtimeCapability.parse(runtimeCapabilityOf(probe)).detail).toContain("SHA-256");
  }
  expect(provenHardware(probes)).toEqual(["cpu", "wasm"]);
});

test("what no machine has at once is unavailable for a reason, not a crash", async () => {
  // DirectML is Windows only, CoreML macOS only: one of them is always missing.
  const backend = process.platform === "win32" ? "ort-node/coreml" : "ort-node/dml";
  const probe = await probeBackend(backend, options);
  expect(probe).toMatchObject({ available: false, reason: expect.stringMatching(/^backend_unavailable: .*not found/) });
  expect(runtimeCapability.parse(runtimeCapabilityOf(probe))).toMatchObject({
    runtime: "onnxruntime-node",
    available: false,
  });
  expect(provenHardware([probe])).toEqual([]);
});

test("a backend that does not answer in time is unavailable", async () => {
  const run: ProbeOptions["run"] = (request, watch) => {
    expect(watch.signal?.aborted).toBe(false);
    return options.run(request, { ...watch, signal: AbortSignal.abort() });
  };
  const probe = await probeBackend("ort-node/cpu", { ...options, run });
  expect(probe).toMatchObject({ available: false, reason: "no answer within 180 s" });
});
