import { delimiter, dirname } from "node:path";
import type { GpuCapability } from "../contracts/index.ts";
import type { ExecutionContext } from "./executor.ts";

/** What tests see of the worker's environment. Tokens and cloud credentials of the worker are not among it. */
const PASSED_ON = new Set(["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "SHELL"]);

/** Marks every process of an attempt: its value is a folder that no other attempt has. */
export const WORK_DIR_VARIABLE = "ASSAY_WORK_DIR";

/** The allowed part of the worker's environment. */
export function allowedEnvironment(env: ExecutionContext["env"]): Record<string, string> {
  const passedOn = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (PASSED_ON.has(entry[0]) || entry[0].startsWith("LC_")),
  );
  return { PATH: fallbackPath(), ...Object.fromEntries(passedOn) };
}

/** Makes the runtimes of the vendor see only the GPUs that were set aside. */
export function gpuEnvironment(indexes: readonly number[], known: readonly GpuCapability[]): Record<string, string> {
  if (indexes.length === 0) return {};
  const list = indexes.join(",");
  const vendors = new Set(known.filter(({ index }) => indexes.includes(index)).map(({ vendor }) => vendor));
  const cuda = vendors.has("NVIDIA") || !vendors.has("AMD");
  return {
    ASSAY_GPUS: list,
    // In the order of nvidia-smi, by which the worker counts; the default is the fastest first.
    ...(cuda ? { CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: list } : {}),
    // Not both: HIP reads the variable of CUDA too, and would count anew among those that are left.
    ...(vendors.has("AMD") ? { ROCR_VISIBLE_DEVICES: list } : {}),
  };
}

/** Services are often started without a PATH. */
function fallbackPath(): string {
  return ["/usr/local/bin", "/usr/bin", "/bin", dirname(process.execPath)].join(delimiter);
}
