import { availableParallelism } from "node:os";
import type { InferenceSession } from "onnxruntime-node";
import { assayError } from "../../../contracts/index.ts";
import type { Backend } from "./backend.ts";
import { backendFacts } from "./backend-names.ts";
import type { BackendName } from "./backend-names.ts";
import { nativeDevice, nativeOptions, profiledPlacement } from "./ort-native.ts";
import { ortSession } from "./ort-session.ts";

type OrtNode = typeof import("onnxruntime-node");

/** ONNX Runtime's native library for Node. The only file that loads it. */
export async function ortNodeBackend(name: BackendName, wantedThreads: number | undefined): Promise<Backend> {
  const ort = await loadOrtNode();
  const { provider } = backendFacts[name];
  const threads = wantedThreads ?? availableParallelism();
  // One provider only: a list does not fall back, it fails, and a silent fallback would be worse.
  const options: InferenceSession.SessionOptions = { executionProviders: [provider], ...nativeOptions(threads) };
  return {
    name,
    version: ort.env.versions.node ?? "unknown",
    threads,
    device: nativeDevice(provider),
    // The native library finds the data files by itself.
    create: async ({ modelFile }) => ortSession(ort, await ort.InferenceSession.create(modelFile, options)),
    place: ({ modelFile }, feeds) =>
      profiledPlacement(async (profiling) => {
        const session = await ort.InferenceSession.create(modelFile, { ...options, ...profiling });
        const bound = await ortSession(ort, session).bind(feeds);
        await bound.run();
        session.endProfiling();
        await session.release();
      }),
  };
}

export async function loadOrtNode(): Promise<OrtNode> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw assayError("dependency_missing", "The package onnxruntime-node cannot be loaded", {
      cause,
      next: "Install it with `npm install onnxruntime-node`; it has binaries for Linux, macOS and Windows on x64 and arm64.",
    });
  }
}
