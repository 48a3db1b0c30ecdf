import { existsSync, statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, hostname, platform, release, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import type { PlatformFacts } from "./platform.ts";

/** The facts that one library answers alike on all systems; containers and accelerators are each platform's own. */
export async function machineFacts(diskPath: string): Promise<Omit<PlatformFacts, "container" | "gpus">> {
  const [os, model] = await Promise.all([osFacts(), cpuModel()]);
  return {
    hostname: hostname().slice(0, 255),
    os,
    cpu: { model, usableCores: availableParallelism(), threads: Math.max(1, cpus().length) },
    memory: { totalBytes: totalmem(), usableBytes: totalmem() },
    diskFreeBytes: freeDiskBytes(diskPath) ?? 0,
  };
}

async function osFacts(): Promise<PlatformFacts["os"]> {
  const base = { platform: platform(), release: release(), arch: arch() };
  const { default: systeminformation } = await import("systeminformation");
  const { distro, release: version } = await systeminformation.osInfo();
  const name = [distro, version].filter((part) => part !== "" && part !== "unknown").join(" ");
  return name === "" ? base : { ...base, name };
}

/** Node knows the model on x86; the library also asks the tools that know it on ARM. */
async function cpuModel(): Promise<string> {
  const { default: systeminformation } = await import("systeminformation");
  const { manufacturer, brand } = await systeminformation.cpu();
  const name = [manufacturer, brand].filter((part) => part !== "").join(" ");
  return name || cpus()[0]?.model.trim() || arch();
}

/** Free for this user, on the disk of the folder or, before it exists, of the nearest folder above it. */
export function freeDiskBytes(path: string): number | undefined {
  let folder = resolve(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
