import { loadavg } from "node:os";
import type { JsonObject } from "../../base/index.ts";
import type { PlatformFacts } from "../../platform/index.ts";

/** Names of a machine on which figures are comparable: those that say the same of themselves. */
export function machineName({ os, cpu, gpus }: PlatformFacts): string {
  return [`${os.platform} ${os.arch}`, `${cpu.model} ${cpu.usableCores}`, ...gpus.map(({ name }) => name)].join(" + ");
}

/** Under what figures were measured: what people ask for when two of them differ. Taken before the measurement. */
export function conditionsOf({ os, cpu, memory, gpus, container }: PlatformFacts): JsonObject {
  return {
    os: [os.name ?? os.platform, os.release, os.arch].join(" "),
    ...(container === undefined ? {} : { container }),
    cpu: cpu.model,
    usable_cores: cpu.usableCores,
    governor: cpu.governor ?? null,
    memory_gb: memory.usableBytes / 1e9,
    gpus: gpus.map(({ name, driver }) => (driver === undefined ? name : `${name}, driver ${driver}`)),
    load_average_1m: loadavg()[0] ?? null,
  };
}
