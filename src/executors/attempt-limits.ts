import type { LimitName, Limits } from "../contracts/index.ts";

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
  /** The same in the words of the task, defaults filled in. */
  asked: Readonly<Limits>;
}

export function attemptLimits(limits: Limits = {}): AttemptLimits {
  const { processes = DEFAULT_PROCESSES, output_mb = DEFAULT_OUTPUT_MB } = limits;
  const { cpu, memory_mb, disk_mb, sandbox = false } = limits;
  return {
    cpu,
    memoryBytes: memory_mb && memory_mb * MEGABYTE,
    processes,
    diskBytes: disk_mb && disk_mb * MEGABYTE,
    outputBytes: output_mb * MEGABYTE,
    sandbox,
    asked: { ...limits, processes, output_mb },
  };
}

/** A limit as a task sets it. */
export function limitText(name: LimitName, { asked }: AttemptLimits): string {
  return `limits.${name} = ${asked[name]}`;
}
