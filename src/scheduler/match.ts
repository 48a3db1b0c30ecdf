import type { CapabilityDocument, Hardware, LabelSelectors, Requirements } from "../contracts/index.ts";
import type { Needs } from "./requirement-class.ts";
import { capacityOf, demandOf, pick } from "./resources.ts";

/** Whether a worker could run a task when it is free, on which platform and by which set of requirements, or every reason why not. */
export type Fit = { fits: true; hardware: Hardware | null; alternative: number } | { fits: false; reasons: string[] };

/**
 * Compares needs with measured capabilities. The first set of requirements that is met counts, in it the first platform; a task
 * without `hardware` runs anywhere and gets none assigned. O(requirements + labels + GPUs).
 */
export function fit(needs: Needs, worker: CapabilityDocument): Fit {
  const common = commonReasons(needs, worker);
  const perSet: string[][] = [];
  for (const [alternative, requirements] of needs.alternatives.entries()) {
    const reasons: string[] = [];
    const hardware = choosePlatform(requirements, worker, reasons);
    reasons.push(...requirementReasons(requirements, worker));
    if (reasons.length === 0 && common.length === 0) return { fits: true, hardware, alternative };
    perSet.push(alternative === 0 ? reasons : reasons.map((reason) => `fallback ${alternative}: ${reason}`));
  }
  return { fits: false, reasons: [...new Set([...common, ...perSet.flat()])] };
}

/** What does not depend on the set of requirements. */
function commonReasons(needs: Needs, worker: CapabilityDocument): string[] {
  const reasons: string[] = [];
  if (!worker.pools.includes(needs.pool))
    reasons.push(`pool: is for ${needs.pool}, works for ${worker.pools.join(", ")}`);
  if (!worker.task_types.includes(needs.type)) reasons.push(`does not execute tasks of type ${needs.type}`);
  if (needs.sandbox && !worker.isolation?.includes("sandbox"))
    reasons.push(`limits.sandbox: wants a sandbox, has ${worker.isolation?.join(", ") ?? "process"}`);
  reasons.push(...resourceReasons(needs, worker));
  return reasons;
}

function choosePlatform(requirements: Requirements, worker: CapabilityDocument, reasons: string[]): Hardware | null {
  const { hardware: wanted, min_memory_gb: minMemoryGb } = requirements;
  const present = wanted?.filter((platform) => worker.hardware.includes(platform)) ?? [];
  if (wanted && present.length === 0)
    reasons.push(`hardware: wants ${wanted.join(" or ")}, has ${worker.hardware.join(", ") || "none"}`);
  const chosen = present.find((platform) => memoryGb(worker, platform) >= (minMemoryGb ?? 0)) ?? present[0] ?? null;
  const memory = memoryGb(worker, chosen);
  if (minMemoryGb !== undefined && memory < minMemoryGb)
    reasons.push(`min_memory_gb: wants ${minMemoryGb}, has ${memory}`);
  return chosen;
}

function requirementReasons(requirements: Requirements, worker: CapabilityDocument): string[] {
  const reasons: string[] = [];
  const { backend, min_cuda_compute: minCompute, labels = {}, software = [] } = requirements;
  if (backend !== undefined) reasons.push(...backendReasons(backend, worker.runtimes));
  if (minCompute !== undefined) {
    const best = Math.max(0, ...worker.gpus.map((gpu) => gpu.cuda_compute ?? 0));
    if (best < minCompute) reasons.push(`min_cuda_compute: wants ${minCompute}, has ${best || "none"}`);
  }
  for (const [key, selector] of Object.entries(labels)) {
    const has = worker.labels[key];
    if (!selects(selector, has)) reasons.push(`label ${key}: wants ${selectorText(selector)}, has ${has ?? "none"}`);
  }
  for (const wish of software) reasons.push(...softwareReasons(wish, worker.software));
  return reasons;
}

type Selector = LabelSelectors[string];

function selects(selector: Selector, value: string | undefined): boolean {
  if (selector === null) return value === undefined;
  if (value === undefined) return false;
  if (selector === true) return true;
  return typeof selector === "string" ? selector === value : selector.includes(value);
}

function selectorText(selector: Selector): string {
  if (selector === null) return "none";
  if (selector === true) return "any";
  return typeof selector === "string" ? selector : selector.join(" or ");
}

const gpuPlatforms: ReadonlySet<Hardware> = new Set(["cuda", "rocm"]);

/** On a GPU platform its own memory counts, elsewhere the machine's. */
function memoryGb(worker: CapabilityDocument, platform: Hardware | null): number {
  if (platform === null || !gpuPlatforms.has(platform)) return worker.memory_gb;
  return Math.max(0, ...worker.gpus.map((gpu) => gpu.memory_gb ?? 0));
}

/** Resources that the worker does not have even when nothing runs on it. */
function resourceReasons(needs: Needs, worker: CapabilityDocument): string[] {
  const demand = demandOf(needs);
  if (demand.plain) return [];
  const reasons: string[] = [];
  if (demand.cpu > worker.cpu.cores) reasons.push(`resources.cpu: wants ${demand.cpu}, has ${worker.cpu.cores}`);
  if (demand.memoryGb > worker.memory_gb)
    reasons.push(`resources.memory_gb: wants ${demand.memoryGb}, has ${worker.memory_gb}`);
  if (reasons.length > 0 || pick(capacityOf(worker), demand) !== null) return reasons;
  const memory = demand.gpuMemoryGb > 0 ? ` with ${demand.gpuMemoryGb} GB` : "";
  const compute = demand.minCudaCompute > 0 ? ` of compute capability ${demand.minCudaCompute}` : "";
  const sizes = worker.gpus.map((gpu) => `${gpu.memory_gb ?? "?"} GB`).join(", ") || "none";
  return [`resources.gpu: wants ${demand.gpu || "a part of one"}${memory}${compute}, has ${sizes}`];
}

function backendReasons(wanted: string, runtimes: CapabilityDocument["runtimes"]): string[] {
  const tried = runtimes.find(({ backend }) => backend === wanted);
  if (tried?.available) return [];
  if (tried) return [`backend: wants ${wanted}, which does not work there: ${tried.detail}`];
  const proven = runtimes.filter(({ available }) => available).map(({ backend }) => backend);
  return [`backend: wants ${wanted}, has ${proven.join(", ") || "none"}`];
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
