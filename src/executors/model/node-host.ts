import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setImmediate, setTimeout } from "node:timers/promises";
import { systemClock } from "../../base/index.ts";
import { createReference, isGenerated, resolveModel } from "../../models/index.ts";
import type { ModelFormat } from "../../models/index.ts";
import { cpuTimes } from "../../platform/index.ts";
import { loadOrtNode, ortNodeBackend } from "./backends/ort-node.ts";
import { loadOrtWeb, ortWebBackend } from "./backends/ort-web.ts";
import { loadTransformersJs, transformersJsBackend } from "./backends/transformers-js.ts";
import { backendFacts } from "./backends/backend-names.ts";
import type { Backend } from "./backends/backend.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { CpuUse, InferenceHost, OpenModel } from "./inference-host.ts";
import type { ModelRunRequest } from "./messages.ts";
import { processPeakMemory } from "./peak-memory.ts";

/** Cores are counted in ticks of 10 ms. */
const LEAST_MS = 200;

/** Loads what a backend needs, ahead of its use. */
export async function loadRuntime(backend: BackendName): Promise<void> {
  const { runtime, browser } = backendFacts[backend];
  if (browser !== undefined) return;
  if (runtime === "onnxruntime-node") await loadOrtNode();
  else if (runtime === "@huggingface/transformers") await loadTransformersJs();
  else await loadOrtWeb("node");
}

function loadBackend({ backend, threads }: ModelRunRequest): Promise<Backend> {
  const { runtime } = backendFacts[backend];
  if (runtime === "onnxruntime-node") return ortNodeBackend(backend, threads);
  if (runtime === "@huggingface/transformers") return transformersJsBackend(backend, threads);
  return ortWebBackend(backend, threads, { kind: "node", read: readFile, device: null });
}

/** This process, to run models in. `startedMs`: how long it took to start. */
export function nodeHost({ startedMs }: { startedMs: number }): InferenceHost {
  return {
    clock: systemClock,
    startedMs,
    engine: `Node ${process.versions.node}`,
    memory: processPeakMemory({
      pid: process.pid,
      maxRssBytes: () => Promise.resolve(process.resourceUsage().maxRSS * 1024),
    }),
    openModel: (request, signal) => openLocalModel(request, signal),
    loadBackend,
    watchCpu: () => watchCpu(ownCpuMs),
    // Present because the driver starts the process with --expose-gc.
    collectGarbage: () => globalThis.gc?.(),
    yieldToMessages: () => setImmediate(),
    wait: (delayMs, signal) => setTimeout(delayMs, undefined, { signal }),
  };
}

/** A model on this machine's disk: generated or downloaded when it is not there yet. */
export async function openLocalModel(
  request: ModelRunRequest,
  signal: AbortSignal,
  format: ModelFormat = "onnx",
): Promise<OpenModel> {
  const { cacheDir, precision } = request;
  const model = await resolveModel(request.model, { cacheDir, precision, format, signal });
  const reference = isGenerated(model) ? createReference(model.config, await readFile(model.modelFile)) : undefined;
  return { model, reference };
}

/** Processor time that this process took so far. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What some processes and all others use of the processor from now on. `ownMs`: the processor time that the former took so far. */
export async function watchCpu(ownMs: () => number | Promise<number>): Promise<() => Promise<CpuUse>> {
  const before = { machine: cpuTimes(), ownMs: await ownMs() };
  return async () => {
    const now = cpuTimes();
    const totalMs = now.totalMs - before.machine.totalMs;
    if (totalMs < LEAST_MS * Math.max(1, cpus().length)) return { own: null, others: null };
    const usedMs = (await ownMs()) - before.ownMs;
    const partOf = (ms: number): number => Math.min(1, Math.max(0, ms / totalMs));
    return { own: partOf(usedMs), others: partOf(now.busyMs - before.machine.busyMs - usedMs) };
  };
}
