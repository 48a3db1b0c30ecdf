import type { Hardware, Requirements, Resources } from "../../contracts/index.ts";
import type { Condition } from "../sources/source-facts.ts";

/** What hardware or software a test needs. */
export interface Needs {
  requirements?: Requirements;
  resources?: Resources;
}

/** PyTorch calls the GPUs of AMD by the same name. */
export const CUDA: readonly Hardware[] = ["cuda", "rocm"];

/** Names that are true where a platform is there, by how they begin. */
const PLATFORMS: readonly (readonly [RegExp, readonly Hardware[]])[] = [
  [/^torch\.cuda\.(is_available|device_count|get_device)/, CUDA],
  [/^torch\.backends\.mps\.is_(available|built)$/, ["mps"]],
  [/^torch\.mps\.(is_available|device_count)$/, ["mps"]],
  [/^torch\.xpu\.(is_available|device_count)$/, ["xpu"]],
  [/^(cupy|cp)\.cuda\.is_available$/, CUDA],
  [/^(numba\.)?cuda\.is_available$/, ["cuda"]],
  [/^torch\.version\.cuda$/, ["cuda"]],
  [/^torch\.version\.hip$/, ["rocm"]],
  [/^(globalThis\.|window\.|self\.)?navigator\.gpu\b/, ["webgpu"]],
  [/^(globalThis\.|window\.|self\.)?navigator\.ml\b/, ["webnn"]],
];

/** Modules of which workers tell whether they have them, by the name of their package. */
export const MODULES: Readonly<Record<string, string>> = {
  torch: "torch",
  tensorflow: "tensorflow",
  jax: "jax",
  onnxruntime: "onnxruntime",
  transformers: "transformers",
  "onnxruntime-node": "onnxruntime-node",
  "onnxruntime-web": "onnxruntime-web",
  "@huggingface/transformers": "@huggingface/transformers",
};

const GIGABYTE = 1024 ** 3;

/** What has to be there for a condition to be `wanted`; undefined when that asks for nothing that Assay knows. */
export function needsOf(condition: Condition, wanted: boolean): Needs | undefined {
  switch (condition.op) {
    case "not":
      return needsOf(condition.of, !wanted);
    case "and":
    case "or": {
      const parts = condition.of.map((part) => needsOf(part, wanted));
      return (condition.op === "and") === wanted ? joined(parts) : either(parts);
    }
    case "term":
      return wanted ? ofTerm(condition.name) : undefined;
    case "compare":
      return ofComparison(condition, wanted);
    case "value":
    case "unknown":
      return undefined;
  }
}

function ofTerm(name: string): Needs | undefined {
  const module = /^module:(.+)$/.exec(name)?.[1] ?? "";
  const software = Object.hasOwn(MODULES, module) ? MODULES[module] : undefined;
  if (software !== undefined) return { requirements: { software: [software] } };
  const hardware = PLATFORMS.find(([pattern]) => pattern.test(name))?.[1];
  return hardware === undefined ? undefined : { requirements: { hardware: [...hardware] } };
}

/** All of them. */
function joined(parts: readonly (Needs | undefined)[]): Needs | undefined {
  return parts.reduce<Needs | undefined>(
    (all, part) => (part === undefined ? all : mergedNeeds(all ?? {}, part)),
    undefined,
  );
}

/** Two sets of needs, both of which hold; of platforms those that are in both, where there are any. */
export function mergedNeeds(a: Needs, b: Needs): Needs {
  const { hardware: platforms = [], software = [] } = a.requirements ?? {};
  const both = platforms.filter((one) => b.requirements?.hardware?.includes(one));
  const hardware = both.length > 0 ? both : (b.requirements?.hardware ?? platforms);
  const programs = [...new Set([...software, ...(b.requirements?.software ?? [])])];
  return {
    requirements: {
      ...a.requirements,
      ...b.requirements,
      ...(hardware.length === 0 ? {} : { hardware: [...hardware] }),
      ...(programs.length === 0 ? {} : { software: programs }),
    },
    ...(a.resources === undefined && b.resources === undefined
      ? {}
      : { resources: { ...a.resources, ...b.resources } }),
  };
}

/** One of them is enough: platforms are alternatives of each other, other things cannot be. */
function either(parts: readonly (Needs | undefined)[]): Needs | undefined {
  const platforms = parts.flatMap((part) => part?.requirements?.hardware ?? []);
  const isPlain = parts.every(
    (part) =>
      part?.requirements?.hardware !== undefined &&
      Object.keys(part.requirements).length === 1 &&
      part.resources === undefined,
  );
  return isPlain ? { requirements: { hardware: [...new Set(platforms)] } } : undefined;
}

const OPPOSITE = { "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==" } as const;

type Comparison = Extract<Condition, { op: "compare" }>;

function ofComparison({ sign: written, left, right }: Comparison, wanted: boolean): Needs | undefined {
  if (left.op !== "term" || right.op !== "value") return undefined;
  const sign = wanted ? written : OPPOSITE[written];
  const { value } = right;
  if (value === null || typeof value === "boolean") {
    const isThere = (sign === "!=") !== (value === true);
    return sign === "==" || sign === "!=" ? ofPresence(left.name, isThere) : undefined;
  }
  const least = leastOf(sign, value);
  return least === undefined ? undefined : ofAmount(left.name, least);
}

function ofPresence(name: string, isThere: boolean): Needs | undefined {
  if (!isThere) return undefined;
  return ofTerm(Object.hasOwn(MODULES, name) ? `module:${name}` : name);
}

/** The least amount with which `amount sign value` is true; a version as a number with the minor one behind the point. */
function leastOf(sign: Comparison["sign"], value: number | number[] | string): number | undefined {
  if (typeof value === "string" || sign === "<" || sign === "<=" || sign === "!=") return undefined;
  const number = typeof value === "number" ? value : (value[0] ?? 0) + (value[1] ?? 0) / 10;
  return sign === ">" && Number.isInteger(number) && number < 1_000 ? number + 1 : number;
}

function ofAmount(name: string, least: number): Needs | undefined {
  if (least <= 0) return undefined;
  if (/^torch\.cuda\.device_count$/.test(name)) {
    const gpus = Math.ceil(least);
    return { requirements: { hardware: [...CUDA] }, ...(gpus > 1 ? { resources: { gpu: gpus } } : {}) };
  }
  if (/^torch\.cuda\.get_device_capability$/.test(name)) {
    return { requirements: { hardware: ["cuda"], min_cuda_compute: Math.round(least * 10) / 10 } };
  }
  if (/^torch\.cuda\.get_device_properties\.total_memory$/.test(name) && least > GIGABYTE / 4) {
    return { requirements: { hardware: [...CUDA], min_memory_gb: gigabytes(least) } };
  }
  if (/(^|\.)virtual_memory\.(total|available)$/.test(name) && least > GIGABYTE / 4) {
    return { requirements: { min_memory_gb: gigabytes(least) } };
  }
  return undefined;
}

function gigabytes(bytes: number): number {
  return Math.round((bytes / GIGABYTE) * 100) / 100;
}
