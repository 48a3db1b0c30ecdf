import type { Hardware, Labels } from "../../contracts/index.ts";
import type { ImportFact, MarkFact, UseFact } from "../sources/source-facts.ts";
import { CUDA, MODULES } from "./condition-needs.ts";
import type { Needs } from "./condition-needs.ts";

type FoundNeeds = Needs & { labels?: Labels };

const ACCELERATORS: readonly Hardware[] = [...CUDA, "mps", "xpu"];

/** What words of markers and names of devices stand for. */
const WORDS: Readonly<Record<string, readonly Hardware[]>> = {
  gpu: CUDA,
  cuda: CUDA,
  multi_gpu: CUDA,
  accelerator: ACCELERATORS,
  hip: ["rocm"],
  rocm: ["rocm"],
  mps: ["mps"],
  xpu: ["xpu"],
  tpu: ["tpu"],
  xla: ["tpu"],
  webgpu: ["webgpu"],
  webnn: ["webnn"],
  dml: ["dml"],
  coreml: ["coreml"],
};

/** Modules that only work with hardware. */
const HARDWARE_MODULES: Readonly<Record<string, Hardware>> = {
  cupy: "cuda",
  pycuda: "cuda",
  pynvml: "cuda",
  tensorrt: "cuda",
  flash_attn: "cuda",
  torch_xla: "tpu",
};

/** `require_torch_gpu` and `gpu_only` say the same as `gpu`. */
export function needsOfMark({ name, arguments: given }: MarkFact): FoundNeeds | undefined {
  const plain = name.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  const asks = /^(requires?|needs?|only|skip_?if_?no|skip_?unless)_/.test(plain);
  const word = plain
    .replace(/^(requires?|needs?|only|skip_?if_?no|skip_?unless)_/, "")
    .replace(/^(torch|tf|flax|jax)_(?=.)/, "")
    .replace(/_(only|required|tests?)$/, "");
  if (word === "slow") return { labels: { speed: "slow" } };
  const memory = /memory|mem_?test|large_tensor/.test(word)
    ? given.map(gigabytesOf).find((one) => one !== undefined)
    : undefined;
  if (memory !== undefined) return { requirements: { min_memory_gb: memory } };
  const hardware = ofWord(word);
  if (hardware !== undefined) {
    return { requirements: { hardware }, ...(word === "multi_gpu" ? { resources: { gpu: 2 } } : {}) };
  }
  const software = asks && Object.hasOwn(MODULES, word) ? MODULES[word] : undefined;
  return software === undefined ? undefined : { requirements: { software: [software] } };
}

/** `"16GB"`, and a bare number where it cannot be bytes. */
function gigabytesOf(given: number | string): number | undefined {
  if (typeof given === "number") {
    if (given <= 0) return undefined;
    return given < 100_000 ? given : Math.round((given / 1024 ** 3) * 100) / 100 || undefined;
  }
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([GM])i?B$/i.exec(given) ?? [];
  if (amount === undefined) return undefined;
  return unit?.toUpperCase() === "M" ? Number(amount) / 1024 : Number(amount);
}

/** What a device that is named, or called by name, needs. */
export function needsOfUse({ name, kind }: UseFact): FoundNeeds | undefined {
  const hardware =
    kind === "call" ? hardwareOfCall(name) : ofWord(name.replace(/:\d+$/, "").replace(/^webnn-.*/, "webnn"));
  return hardware === undefined ? undefined : { requirements: { hardware: [...hardware] } };
}

function hardwareOfCall(name: string): readonly Hardware[] | undefined {
  if (name.endsWith("navigator.gpu")) return ["webgpu"];
  if (name.endsWith("navigator.ml")) return ["webnn"];
  const part = name.split(".").find((one) => Object.hasOwn(WORDS, one));
  return part === undefined ? undefined : ofWord(part);
}

function ofWord(word: string): Hardware[] | undefined {
  const hardware = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  return hardware === undefined ? undefined : [...hardware];
}

/** What has to be installed, or there, for a module to be loaded. */
export function needsOfImport({ module, level }: ImportFact): FoundNeeds | undefined {
  if (level > 0 || module.startsWith(".")) return undefined;
  const scoped = module.split("/", module.startsWith("@") ? 2 : 1).join("/");
  const top = scoped.startsWith("@") ? scoped : (scoped.split(".")[0] ?? "");
  const hardware = Object.hasOwn(HARDWARE_MODULES, top) ? HARDWARE_MODULES[top] : undefined;
  if (hardware !== undefined) return { requirements: { hardware: [hardware] } };
  const software = Object.hasOwn(MODULES, top) ? MODULES[top] : undefined;
  return software === undefined ? undefined : { requirements: { software: [software] } };
}
