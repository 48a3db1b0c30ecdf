import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../base/index.ts";
import type { RuntimeCapability } from "../../../contracts/index.ts";
import { resolveModel } from "../../../models/index.ts";
import { createPlatform } from "../../../platform/index.ts";
import { isAlive } from "../../executor-acceptance.ts";
import type { BackendName } from "../backends/backend-names.ts";
import { measuredUnder } from "../checkpoint.ts";
import { node, picturesModel, splitModel, writeModel } from "../made-models-acceptance.ts";
import type { ModelRunProgress, ModelRunRequest } from "../messages.ts";
import { attemptModel } from "../model-attempt.ts";
import { runModel } from "../model-driver.ts";
import type { ModelRunOptions } from "../model-driver.ts";
import { ModelExecutor } from "../model-executor.ts";
import { modelProvenance } from "../model-provenance.ts";
import type { ModelRunOutcome } from "../model-run.ts";
import { findBrowser } from "./find-browser.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
let folder: string;
/** Shared, so that the browser is unpacked once. */
let cacheDir: string;
/** Where runs put their temporary files: empty when they are over. */
let temporary: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-browser-"));
  [cacheDir, temporary] = [join(folder, "cache"), join(folder, "tmp")];
  await mkdir(temporary);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function requestFor(backend: BackendName, changes: Partial<ModelRunRequest> = {}): ModelRunRequest {
  return {
    ...{ model: "tiny-bert", cacheDir, precision: "fp32", backend, batchSizes: [1] },
    ...{ iterations: 2, minDurationMs: 0, warmupIterations: 0, sequenceLength: 8, seed: 0 },
    ...changes,
  };
}

/** A bare environment, without a home; Firefox needs to be told of a driver. */
const env = { PATH: process.env["PATH"], VK_ICD_FILENAMES: process.env["VK_ICD_FILENAMES"] };

function run(request: ModelRunRequest, options: Partial<ModelRunOptions> = {}): Promise<ModelRunOutcome> {
  return runModel(request, { env: { ...env, TMPDIR: temporary }, clock: systemClock, ...options });
}

/** What is left of runs, once the dying have died. */
async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  expect(await readdir(temporary)).toEqual([]);
  await expect.poll(() => pids.filter(isAlive), { timeout: 30_000 }).toEqual([]);
}

/** Ends the processes of one kind that a browser has; at least one. */
function killInside(browser: number, kind: string): void {
  const pids = platform.processes
    .descendants(browser)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--type=${kind}`));
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, "SIGKILL");
}

const hasShell = process.platform === "linux" && process.arch === "x64";
if (!hasShell) console.warn("the headless shell is for Linux on x64: nothing runs in it");

describe.runIf(hasShell)("in the headless shell", { timeout: 180_000 }, () => {
  test("every provider, and software WebGPU in Node, is proven with its device named", async () => {
    const executor = new ModelExecutor({
      platform,
      backends: ["headless-shell", "ort-node/webgpu", "transformers-js/webgpu"],
    });
    const facts = { ...(await platform.facts()), gpus: [] };
    const { hardware, runtimes } = await executor.capabilities({ facts, cacheDir, env, clock: systemClock });
    expect(hardware.toSorted()).toEqual(["cpu", "wasm", "webgpu", "webnn"]);
    expect(runtimes).toMatchObject([
      { backend: "ort-node/cpu", available: true },
      { backend: "ort-node/webgpu", available: true, device: "SwiftShader, software" },
      { backend: "ort-web/wasm", available: true },
      { backend: "headless-shell/wasm", available: true },
      { backend: "headless-shell/webgpu", available: true, device: "google swiftshader, software" },
      { backend: "headless-shell/webnn", available: true, device: expect.stringContaining("WebNN") },
      { backend: "transformers-js/webgpu", available: true, device: "SwiftShader, software" },
    ]);
    const placed = runtimes.map(({ detail }) => /(\w+ ran \d+ of \d+) nodes/.exec(detail ?? "")?.[1]);
    expect(placed).toEqual([
      expect.stringContaining("CPU"),
      expect.stringContaining("WebGpu"),
      undefined,
      undefined,
      expect.stringContaining("WebGpu"),
      expect.stringMatching(/WebNNExecutionProvider ran (\d+) of \1$/),
      expect.stringContaining("WebGpu"),
    ]);
  });

  test("a decoder generates with its cache what it does without, and memory and noise are known", async () => {
    const request = requestFor("headless-shell/wasm", { model: "tiny-gpt2", iterations: 20, minDurationMs: 1_000 });
    const outcome = await run(request);
    if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
    const { report } = outcome;
    expect(report).toMatchObject({
      generation: { cacheMatches: true },
      memory: { source: "browser_private" },
      load: { backend: { engine: expect.stringMatching(/^HeadlessChrome \d/), threads: 1 } },
    });
    expect(report.memory.peakBytes).toBeGreaterThan(20e6);
    for (const { spread, othersLoad, ownLoad } of report.batches[0]?.rounds ?? []) {
      expect([spread, othersLoad]).toEqual([expect.any(Number), expect.any(Number)]);
      expect(ownLoad).toBeGreaterThan(0);
    }
    expect(modelProvenance(report)).toMatchObject({ proven: true, observed_backend: "headless-shell/wasm" });
    await expectNothingLeft([]);
  });

  test.each(["cancelled", "killed"] as const)("a run that is %s leaves no browser and no files", async (how) => {
    const stop = new AbortController();
    const pids: number[] = [];
    let descendants: number[] = [];
    const { path } = await resolveModel("tiny-bert", { cacheDir });
    // Its numbers are in a second file, which the page is given too: without it, it would not come so far.
    const model = await splitModel(path, join(folder, how));
    const outcome = await run(requestFor("headless-shell/wasm", { model, minDurationMs: 1e7 }), {
      signal: stop.signal,
      onProgress: (progress) => {
        if ("pid" in progress) pids.push(progress.pid);
        if (progress.stage !== "batch_started") return;
        descendants = platform.processes.descendants(pids[1] ?? 0);
        if (how === "cancelled") stop.abort();
        else process.kill(pids[0] ?? 0, "SIGKILL");
      },
    });
    expect(outcome).toMatchObject(
      how === "cancelled" ? { status: "cancelled" } : { status: "failed", failure: { class: "crash" } },
    );
    expect(descendants.length).toBeGreaterThan(2);
    await expectNothingLeft([...pids, ...descendants]);
  });

  test.each([
    ["wasm", "renderer", "crash", "fresh_process", /The page of HeadlessChrome \S+ that runs tiny-bert crashed/],
    ["webgpu", "gpu-process", "device_lost", "new_device", /device_lost at batch size 2/],
  ] as const)("on %s a %s that dies is a %s, and a fresh browser goes on", async (...given) => {
    const [provider, kind, reason, strategy, message] = given;
    const request = requestFor(`headless-shell/${provider}`, { batchSizes: [1, 2], minDurationMs: 2_000 });
    let browser = 0;
    let killed = false;
    const outcome = await attemptModel(request, {
      run: (asked, watch) => runModel(asked, { ...watch, env: { ...env, TMPDIR: temporary }, clock: systemClock }),
      launches: 1,
      under: measuredUnder(request, "this machine"),
      resumption: { kind: "none" },
      onProgress: (progress: ModelRunProgress) => {
        if (progress.stage === "browser_started") browser = progress.pid;
        if (progress.stage !== "batch_started" || progress.batchSize !== 2 || killed) return;
        killed = true;
        killInside(browser, kind);
      },
    });
    if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
    expect(outcome.recovery).toMatchObject([{ strategy, reason, succeeded: true }]);
    expect(outcome.recovery[0]?.message).toMatch(message);
    expect(outcome.report.batches.map(({ batchSize }) => batchSize)).toEqual([1, 2]);
  });

  test("half precision on a device without it names the feature that lacks", async () => {
    const nodes = [
      node("Cast", ["pixel_values", "half"], { to: 10 }),
      node("Mul", ["half", "half", "square"]),
      node("Cast", ["square", "logits"], { to: 1 }),
    ];
    const model = await writeModel(join(folder, "half"), picturesModel(nodes));
    expect(await run(requestFor("headless-shell/webgpu", { model }))).toMatchObject({
      status: "failed",
      failure: { class: "missing_feature", message: expect.stringContaining("shader-f16") },
    });
  });
});

describe("in browsers of this machine", { timeout: 180_000 }, () => {
  async function isHere(name: "chromium" | "firefox"): Promise<boolean> {
    const found = await findBrowser(name, { cacheDir, env: process.env }).catch(() => undefined);
    if (found === undefined) console.warn(`${name} is not on this machine: nothing runs in it`);
    return found !== undefined;
  }

  async function probed(name: "chromium" | "firefox"): Promise<RuntimeCapability[]> {
    const executor = new ModelExecutor({ platform, backends: [name] });
    const facts = { ...(await platform.facts()), gpus: [] };
    const { runtimes } = await executor.capabilities({ facts, cacheDir, env, clock: systemClock });
    return runtimes.filter(({ backend }) => backend.startsWith(name));
  }

  test("Chromium proves WebAssembly, and says of the rest what it is or why not", async ({ skip }) => {
    if (!(await isHere("chromium"))) return skip();
    const [wasm, webgpu, webnn] = await probed("chromium");
    expect(wasm).toMatchObject({ available: true });
    // Which builds have these differs; they work, or they say why not.
    const noAdapter = { available: false, detail: expect.stringMatching(/^backend_unavailable: .*adapter/) };
    expect(webgpu).toMatchObject(webgpu?.available ? { device: expect.stringMatching(/\w/) } : noAdapter);
    const noWebnn = { available: false, detail: expect.stringMatching(/^backend_unavailable: .*not supported/) };
    expect(webnn).toMatchObject(webnn?.available ? { device: expect.stringContaining("WebNN") } : noWebnn);
  });

  test("Firefox proves WebAssembly, and WebGPU on software; it ends with its runner", async ({ skip }) => {
    if (!(await isHere("firefox"))) return skip();
    const [wasm, webgpu] = await probed("firefox");
    expect(wasm).toMatchObject({ available: true });
    if (hasShell) expect(webgpu).toMatchObject({ available: true, device: expect.stringContaining("software") });
    const pids: number[] = [];
    const outcome = await run(requestFor("firefox/wasm"), {
      onProgress: (progress) => {
        if ("pid" in progress) pids.push(progress.pid);
        if (progress.stage === "first_inference") {
          pids.push(...platform.processes.descendants(pids[1] ?? 0));
          process.kill(pids[0] ?? 0, "SIGKILL");
        }
      },
    });
    expect(outcome).toMatchObject({ status: "failed", failure: { class: "crash" } });
    await expectNothingLeft(pids);
  });
});

test("without a folder for temporary files nothing is started, and the setting is named", async () => {
  const missing = join(folder, "missing");
  expect(await run(requestFor("ort-node/cpu"), { env: { ...env, TMPDIR: missing } })).toMatchObject({
    status: "failed",
    failure: { class: "setup", message: expect.stringMatching(/missing.*Set TMPDIR/) },
  });
});
