import type { CapabilityDocument, Hardware, TabTerms, TaskType } from "../contracts/index.ts";

const HARDWARE: ReadonlySet<Hardware> = new Set(["wasm", "webgpu", "webnn"]);
const TASK_TYPES: ReadonlySet<TaskType> = new Set(["model", "benchmark"]);
const BACKENDS = "tab/";

/** What a worker says that it is and does. */
export interface TabOffer {
  worker_id?: string;
  slots: number;
  credits: number;
  capabilities: CapabilityDocument;
}

/** What of an offer is more than a tab may be, whatever its program says; undefined when nothing is. */
export function excessOf({ workerId, pool }: TabTerms, offer: TabOffer): string | undefined {
  const { worker_id: claimed = workerId, slots, credits, capabilities } = offer;
  if (claimed !== workerId) return `The token is of the worker ${workerId}, not of ${claimed}.`;
  if (slots > 1 || credits > 1) return "A tab runs one task at a time.";
  const { pools, task_types: types, hardware, runtimes, gpus } = capabilities;
  const strange = [
    ...pools.filter((one) => one !== pool).map((one) => `the pool ${one}`),
    ...types.filter((one) => !TASK_TYPES.has(one)).map((one) => `tasks of type ${one}`),
    ...hardware.filter((one) => !HARDWARE.has(one)).map((one) => `the platform ${one}`),
    ...runtimes.filter(({ backend }) => !backend.startsWith(BACKENDS)).map(({ backend }) => `the backend ${backend}`),
    ...gpus.map(({ name }) => `the GPU ${name}`),
  ];
  return strange.length === 0 ? undefined : `A tab does not offer ${strange.slice(0, 3).join(", ")}.`;
}
