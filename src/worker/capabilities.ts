import { errorMessage } from "../base/index.ts";
import { capabilityDocument, isolationLevels } from "../contracts/index.ts";
import type { CapabilityDocument, HourlyPrice, Labels, TaskType } from "../contracts/index.ts";
import type { Executor, ExecutorCapabilities, ProbeContext } from "../executors/index.ts";
import type { Platform } from "../platform/index.ts";
import type { WorkerLogger } from "./worker-logger.ts";

export interface MeasureOptions {
  platform: Platform;
  executors: readonly Executor[];
  labels: Labels;
  /** Whose runs it takes work from; the default pool's when absent. */
  pools?: readonly string[] | undefined;
  price?: HourlyPrice | undefined;
  probe: Omit<ProbeContext, "facts">;
  logger: WorkerLogger;
}

/** What this worker offers: the facts of the machine, what its executors proved, and what its operator says of it. */
export async function measureCapabilities(options: MeasureOptions): Promise<CapabilityDocument> {
  const { platform, executors, labels, pools, price, logger } = options;
  const facts = await platform.facts();
  const proofs = await Promise.all(executors.map((executor) => prove(executor, { ...options.probe, facts }, logger)));
  const proven = proofs.filter((proof) => proof !== undefined);
  return capabilityDocument.parse({
    hostname: facts.hostname,
    os: facts.os,
    cpu: { model: facts.cpu.model, cores: facts.cpu.usableCores, threads: facts.cpu.threads },
    memory_gb: facts.memory.usableBytes / 1e9,
    disk_free_gb: facts.diskFreeBytes / 1e9,
    ...(facts.container === undefined ? {} : { container: facts.container }),
    gpus: facts.gpus,
    hardware: [...new Set(proven.flatMap(({ hardware }) => hardware))],
    runtimes: proven.flatMap(({ runtimes }) => runtimes),
    software: Object.assign({}, ...proven.map(({ software }) => software)) as Record<string, string>,
    task_types: [...new Set(proven.flatMap(({ types }) => types))],
    labels,
    ...isolationOf(proven),
    ...(pools === undefined ? {} : { pools }),
    ...(price === undefined ? {} : { price_per_hour: price }),
  });
}

/** Levels that some executor proved; left out when none proved any, which means processes. */
function isolationOf(proven: readonly ExecutorCapabilities[]): Pick<CapabilityDocument, "isolation"> {
  const levels = isolationLevels.filter((level) => proven.some(({ isolation }) => isolation?.includes(level)));
  return levels.length === 0 ? {} : { isolation: levels };
}

/** Undefined for an executor that cannot even say what it can do: its tasks are not offered. */
async function prove(
  executor: Executor,
  context: ProbeContext,
  logger: WorkerLogger,
): Promise<(ExecutorCapabilities & { types: readonly TaskType[] }) | undefined> {
  try {
    const capabilities = await executor.capabilities?.(context);
    return { hardware: [], runtimes: [], software: {}, ...capabilities, types: executor.types };
  } catch (error) {
    logger.error({ types: executor.types, err: errorMessage(error) }, "an executor failed to measure what it can do");
    return undefined;
  }
}
