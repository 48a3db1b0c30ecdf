import { createReference } from "../../../models/index.ts";
import { systemClock } from "../../../base/index.ts";
import { backendFacts } from "../backends/backend-names.ts";
import { ortWebBackend } from "../backends/ort-web.ts";
import type { InferenceHost } from "../inference-host.ts";
import type { PageAssignment, PageBridge } from "./page-messages.ts";

/** A page of a browser, to run models in. */
export function pageHost(assignment: PageAssignment, bridge: Pick<PageBridge, "assayAsk">): InferenceHost {
  const { model, hasReference } = assignment;
  const file = memoized(async () => new Uint8Array(await (await fetch(model.modelFile)).arrayBuffer()));
  return {
    clock: systemClock,
    startedMs: assignment.startedMs,
    engine: assignment.engine,
    memory: {
      source: assignment.memorySource,
      reset: () => Promise.resolve(),
      peakBytes: async () => (await bridge.assayAsk("memory")) ?? 0,
    },
    openModel: async () => ({
      model,
      reference: hasReference ? createReference(model.config, await file()) : undefined,
    }),
    loadBackend: async ({ backend, threads }) =>
      ortWebBackend(backend, threads, {
        kind: "page",
        read: file,
        device: await deviceOf(backendFacts[backend].provider),
      }),
    watchOthers: async () => {
      await bridge.assayAsk("watch_others");
      return () => bridge.assayAsk("others");
    },
    // There where the browser was started with --js-flags=--expose-gc.
    collectGarbage: () => (globalThis as { gc?: () => void }).gc?.(),
    yieldToMessages,
    wait,
  };
}

function memoized<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}

interface GpuAdapter {
  readonly info: Readonly<Record<"vendor" | "architecture" | "device" | "description", string>> & {
    readonly isFallbackAdapter?: boolean;
  };
}

/** What the browser says of its adapter; browsers that tell nothing leave all words empty. */
async function deviceOf(provider: string): Promise<string | null> {
  if (provider === "webnn") return "WebNN, device type cpu asked for";
  if (provider !== "webgpu") return null;
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<GpuAdapter | null> } };
  if (gpu === undefined) throw new Error("no available backend found: this browser has no WebGPU");
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("Failed to get a WebGPU adapter");
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const words = [vendor, architecture, device, description].filter((word) => word !== "");
  return [words.join(" ") || "an adapter without a name", ...(isFallbackAdapter ? ["software"] : [])].join(", ");
}

/** Timers are held back to 4 ms when they follow each other; messages are not. */
function yieldToMessages(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", () => {
    port1.close();
    resolve();
  });
  port1.start();
  port2.postMessage(null);
  return promise;
}

function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
