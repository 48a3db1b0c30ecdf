import type { Backend } from "./backend.ts";
import { backendFacts } from "./backend-names.ts";
import type { BackendName } from "./backend-names.ts";
import { ortNodeBackend } from "./ort-node.ts";
import { ortWebBackend } from "./ort-web.ts";

/** Loads the runtime of a backend. Throws `dependency_missing` where its package is not installed. */
export function loadBackend(name: BackendName, threads: number | undefined): Promise<Backend> {
  return backendFacts[name].runtime === "onnxruntime-node"
    ? ortNodeBackend(name, threads)
    : ortWebBackend(name, threads);
}
