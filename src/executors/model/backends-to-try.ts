import type { PlatformFacts } from "../../platform/index.ts";
import { browserNames, machineBackendNames } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";

/** What a worker can be told to try besides what its machine suggests: one backend, all of a browser or of a library, or every one there is. */
export const backendWishes = ["all", ...browserNames, "torch", "transformers-js", ...machineBackendNames] as const;
export type BackendWish = (typeof backendWishes)[number];

/**
 * What could work here. Each is then tried: drivers and libraries are often not what they seem. Browsers are tried only when asked for:
 * that takes seconds for each, and on machines without a GPU they compute everything on its cores, whatever the API is called.
 */
export function backendsToTry({ os, gpus }: PlatformFacts, wishes: readonly BackendWish[]): BackendName[] {
  const suggested: BackendName[] = ["ort-node/cpu", "ort-web/wasm"];
  if (gpus.some(({ vendor }) => vendor === "NVIDIA")) suggested.push("ort-node/cuda", "torch/cuda");
  if (gpus.some(({ vendor }) => vendor === "AMD")) suggested.push("torch/rocm");
  if (gpus.length > 0 || os.platform === "darwin") suggested.push("ort-node/webgpu");
  if (os.platform === "win32") suggested.push("ort-node/dml");
  if (os.platform === "darwin") suggested.push("ort-node/coreml", "torch/mps");
  return machineBackendNames.filter((name) => suggested.includes(name) || wishes.some((wish) => isWished(wish, name)));
}

/** Whether a wish means this backend. */
export function isWished(wish: BackendWish, backend: string): boolean {
  return wish === "all" || wish === backend || backend.startsWith(`${wish}/`);
}
