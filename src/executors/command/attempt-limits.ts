import type { LimitName, Limits } from "../../contracts/index.ts";

const MEGABYTE = 1_000_000;
/** These protect the worker when a task says nothing. */
const DEFAULT_PROCESSES = 4_096;
const DEFAULT_OUTPUT_MB = 256;

/** What one attempt is kept to, in bytes. */
export interface AttemptLimits {
  cpu: number | undefined;
  memoryBytes: number | undefined;
  processes: number;
  diskBytes: number | undefined;
  outputBytes: number;
  sandbox: boolean;
}

export function attemptLimits(limits: Limits = {}): AttemptLimits {
  const { cpu, memory_mb, processes, disk_mb, output_mb, sandbox } = limits;
  return {
    cpu,
    memoryBytes: memory_mb === undefined ? undefined : memory_mb * MEGABYTE,
    processes: processes ?? DEFAULT_PROCESSES,
    diskBytes: disk_mb === undefined ? undefined : disk_mb * MEGABYTE,
    outputBytes: (output_mb ?? DEFAULT_OUTPUT_MB) * MEGABYTE,
    sandbox: sandbox ?? false,
  };
}

/** A limit in the words of the task. */
export function limitText(name: LimitName, limits: AttemptLimits): string {
  switch (name) {
    case "cpu":
      return `limits.cpu = ${limits.cpu}`;
    case "memory_mb":
      return `limits.memory_mb = ${(limits.memoryBytes ?? 0) / MEGABYTE}`;
    case "processes":
      return `limits.processes = ${limits.processes}`;
    case "disk_mb":
      return `limits.disk_mb = ${(limits.diskBytes ?? 0) / MEGABYTE}`;
    case "output_mb":
      return `limits.output_mb = ${limits.outputBytes / MEGABYTE}`;
  }
}
