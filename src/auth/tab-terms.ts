import type { CapabilityDocument, Hardware, TabTerms, TaskType } from "../contracts/index.ts";

const HARDWARE: ReadonlySet<Hardware> = new Set(["wasm", "webgpu", "webnn"]);
const TASK_TYPES: ReadonlySet<TaskType> = new Set(["model", "benchmark"]);
const BACKENDS = "tab/";

/** What a worker says that it is and does. */
export interface TabOffer {
  worker_id?: string;
  name?: string;
  slots: number;
  credits: number;
  capabilities: CapabilityDocument;
}

/** What of an offer is more than a tab may be, whatever its program says; undefined when nothing is. */
export function excessOf(token: TabTerms & { name: string }, offer: TabOffer): string | undefined {
  const { workerId, pool } = token;
  const { worker_id: claimed = workerId, name = token.name, slots, credits, capabilities } = offer;
  if (claimed !== workerId) return `The token is of the worker ${workerId}, not of ${claimed}.`;
  if (name !== token.name) return `The token is of a worker with the name ${token.name}, not ${name}.`;
  // Workers that name the same machine share it: a tab is a machine of its own.
  if (capabilities.hostname !== workerId)
    return `A tab is on the machine ${workerId}, not on ${capabilities.hostname}.`;
  if (slots > 1 || credits > 1) return "A tab runs one task at a time.";
  const { pools, task_types: types, hardware, runtimes, gpus, price_per_hour: price } = capabilities;
  const strange = [
    ...pools.filter((one) => one !== pool).map((one) => `the pool ${one}`),
    ...types.filter((one) => !TASK_TYPES.has(one)).map((one) => `tasks of type ${one}`),
    ...hardware.filter((one) => !HARDWARE.has(one)).map((one) => `the platform ${one}`),
    ...runtimes.filter(({ backend }) => !backend.startsWith(BACKENDS)).map(({ backend }) => `the backend ${backend}`),
    ...gpus.map(({ name }) => `the GPU ${name}`),
    ...(price === undefined ? [] : ["a price per hour"]),
  ];
  return strange.length === 0 ? undefined : `A tab does not offer ${strange.slice(0, 3).join(", ")}.`;
}
