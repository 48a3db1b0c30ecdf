import { readFile } from "node:fs/promises";
import { assayError } from "../../../contracts/index.ts";
import type { Backend } from "./backend.ts";
import type { BackendName } from "./backend-names.ts";
import { ortSession } from "./ort-session.ts";

type OrtWeb = typeof import("onnxruntime-web");

/** ONNX Runtime compiled to WebAssembly, in Node. The only file that loads it. */
export async function ortWebBackend(name: BackendName, wantedThreads: number | undefined): Promise<Backend> {
  const ort = await load();
  // One thread is what a page gets unless its server isolates it, and short runs are slower with more.
  const threads = wantedThreads ?? 1;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return {
    name,
    version: ort.env.versions.web ?? "unknown",
    threads,
    create: async (modelFile) => {
      const model = await readFile(modelFile);
      return ortSession(ort, await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }));
    },
    // The build for Node has no other provider to fall back to.
    place: () => Promise.resolve(null),
  };
}

async function load(): Promise<OrtWeb> {
  try {
    return await import("onnxruntime-web");
  } catch (cause) {
    throw assayError("dependency_missing", "The package onnxruntime-web cannot be loaded", {
      cause,
      next: "Install it with `npm install onnxruntime-web`.",
    });
  }
}
