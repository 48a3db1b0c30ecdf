import { join } from "node:path";
import type { CapabilityDocument } from "../contracts/index.ts";
import { createExecutors } from "../executors/index.ts";
import { createPlatform } from "../platform/index.ts";
import type { CliContext } from "./context.ts";
import { makePrivateFolder } from "./data-folders.ts";

/** What was measured of this machine. */
export type Machine = Omit<CapabilityDocument, "labels" | "task_types">;

/** Measures this machine as a worker on it would, without being one. Takes seconds. */
export async function measureMachine(dataDir: string, { env, clock }: CliContext): Promise<Machine> {
  await makePrivateFolder(dataDir);
  const platform = createPlatform({ diskPath: dataDir, env });
  const facts = await platform.facts();
  const probe = { facts, cacheDir: join(dataDir, "cache"), env, clock };
  const proofs = await Promise.all(
    createExecutors({ platform }).map(async (executor) => executor.capabilities?.(probe)),
  );
  const { cpu, memory, diskFreeBytes, ...rest } = facts;
  return {
    ...rest,
    cpu: { model: cpu.model, cores: cpu.usableCores, threads: cpu.threads },
    memory_gb: memory.usableBytes / 1e9,
    disk_free_gb: diskFreeBytes / 1e9,
    hardware: [...new Set(proofs.flatMap((proof) => proof?.hardware ?? []))],
    runtimes: proofs.flatMap((proof) => proof?.runtimes ?? []),
    software: Object.fromEntries(proofs.flatMap((proof) => Object.entries(proof?.software ?? {}))),
  };
}
