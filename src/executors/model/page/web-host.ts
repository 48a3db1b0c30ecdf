import type { InferenceHost, PeakMemory } from "../inference-host.ts";
import { systemClock } from "../../../base/index.ts";
import { backendFacts } from "../backends/backend-names.ts";
import { ortWebBackend } from "../backends/ort-web.ts";

/** What differs between the places in browsers that run models. */
export interface WebHostParts {
  /** From its start until now. */
  readonly startedMs: number;
  readonly engine: string;
  readonly memory: PeakMemory;
  readonly openModel: InferenceHost["openModel"];
  /** A file of the model, by its address. */
  readonly readModel: (address: string) => Promise<Uint8Array>;
  readonly watchCpu: InferenceHost["watchCpu"];
}

/** A page of a browser, or a dedicated worker of one, to run models in. */
export function webHost({ readModel, ...place }: WebHostParts): InferenceHost {
  return {
    ...place,
    clock: systemClock,
    loadBackend: async ({ backend, threads }) =>
      ortWebBackend(backend, threads, {
        kind: "page",
        read: readModel,
        device: await deviceOf(backendFacts[backend].provider),
      }),
    // There where the browser was started with --js-flags=--expose-gc.
    collectGarbage: () => (globalThis as { gc?: () => void }).gc?.(),
    yieldToMessages,
    wait,
  };
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
