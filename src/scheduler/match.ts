import type { CapabilityDocument, Hardware } from "../contracts/index.ts";
import type { Needs } from "./requirement-class.ts";

/** Whether a worker could run a task when it is free, on which platform, or every reason why not. */
export type Fit = { fits: true; hardware: Hardware | null } | { fits: false; reasons: string[] };

/** Compares needs with measured capabilities. A task without `hardware` runs anywhere and gets none assigned. */
export function fit(needs: Needs, worker: CapabilityDocument): Fit {
  const { requirements, resources } = needs;
  const reasons: string[] = [];
  if (!worker.task_types.includes(needs.type)) reasons.push(`does not execute tasks of type ${needs.type}`);
  const wanted = requirements.hardware;
  const present = wanted?.filter((platform) => worker.hardware.includes(platform)) ?? [];
  if (wanted && present.length === 0)
    reasons.push(`hardware: wants ${wanted.join(" or ")}, has ${worker.hardware.join(", ") || "none"}`);
  const hardware =
    present.find((platform) => memoryGb(worker, platform) >= (requirements.min_memory_gb ?? 0)) ?? present[0] ?? null;
  const memory = memoryGb(worker, hardware);
  if (requirements.min_memory_gb !== undefined && memory < requirements.min_memory_gb) {
    reasons.push(`min_memory_gb: wants ${requirements.min_memory_gb}, has ${memory}`);
  }
  if (requirements.min_cuda_compute !== undefined) {
    const best = Math.max(0, ...worker.gpus.map((gpu) => gpu.cuda_compute ?? 0));
    if (best < requirements.min_cuda_compute)
      reasons.push(`min_cuda_compute: wants ${requirements.min_cuda_compute}, has ${best || "none"}`);
  }
  for (const [key, value] of Object.entries(requirements.labels ?? {})) {
    if (worker.labels[key] !== value) reasons.push(`label ${key}: wants ${value}, has ${worker.labels[key] ?? "none"}`);
  }
  for (const wish of requirements.software ?? []) reasons.push(...softwareReasons(wish, worker.software));
  reasons.push(...resourceReasons(resources, worker));
  return reasons.length === 0 ? { fits: true, hardware } : { fits: false, reasons };
}

const gpuPlatforms: ReadonlySet<Hardware> = new Set(["cuda", "rocm"]);

/** On a GPU platform its own memory counts, elsewhere the machine's. */
function memoryGb(worker: CapabilityDocument, platform: Hardware | null): number {
  if (platform === null || !gpuPlatforms.has(platform)) return worker.memory_gb;
  return Math.max(0, ...worker.gpus.map((gpu) => gpu.memory_gb ?? 0));
}

function resourceReasons(resources: Needs["resources"], worker: CapabilityDocument): string[] {
  const wants: [string, number | undefined, number][] = [
    ["cpu", resources.cpu, worker.cpu.cores],
    ["memory_gb", resources.memory_gb, worker.memory_gb],
    ["gpu", resources.gpu, worker.gpus.length],
  ];
  return wants
    .filter(([, want, has]) => want !== undefined && want > has)
    .map(([name, want, has]) => `resources.${name}: wants ${want}, has ${has}`);
}

function softwareReasons(wish: string, software: Record<string, string>): string[] {
  const parts = /^\s*([A-Za-z0-9_.@/-]+?)\s*(?:(>=|<=|==|!=|>|<)\s*([0-9][\w.+-]*))?\s*$/.exec(wish);
  if (!parts) return [`software: cannot read "${wish}"; write for example torch>=2.4`];
  const [, name = "", operator, version = ""] = parts;
  const present = software[name];
  if (present === undefined) return [`software ${name}: wants ${wish}, has none`];
  if (operator === undefined || holds(compareVersions(present, version), operator)) return [];
  return [`software ${name}: wants ${wish}, has ${present}`];
}

function holds(order: number, operator: string): boolean {
  switch (operator) {
    case ">=":
      return order >= 0;
    case "<=":
      return order <= 0;
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case ">":
      return order > 0;
    default:
      return order < 0;
  }
}

/** Compares dotted versions number by number; missing parts count as 0, anything after the numbers is ignored. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string): number[] => (/^v?(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? "0").split(".").map(Number);
  const left = numbers(a);
  const right = numbers(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
